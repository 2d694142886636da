//! From the tree of a file to the configuration.

use super::diagnostic::{Diagnostics, Location};
use super::digests::SettingDigests;
use super::document::Node;
use super::loaded::Loaded;
use super::reader::Reader;
use super::value::Value as _;
use super::{raw, resolved};

/// Reads and checks the whole tree.
pub(super) fn understand(root: &Node, mut reader: Reader<'_>) -> Result<Loaded, Diagnostics> {
    reader.digests = SettingDigests::of(root, reader.environment);
    let written = raw::File::read(root, &Location::new("", 1, 1), &mut reader);
    let config = written.and_then(|written| resolved::config(&written, &mut reader));
    reader.finish(config)
}
