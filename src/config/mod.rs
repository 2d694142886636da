//! From text and environment to checked values. `raw` declares what the file may contain, `resolved` what it means. All
//! diagnostics are reported at once, each with file, line, key and help.

pub mod authentik;
mod diagnostic;
mod digests;
pub(crate) mod document;
pub mod duration;
mod environment;
mod expansion;
mod file_content;
mod loaded;
mod outline;
mod raw;
mod reader;
mod reference;
mod resolved;
mod schema;
mod secret_file;
mod section;
mod understand;
mod value;

use std::path::Path;

use diagnostic::Location;
use understand::understand;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use digests::{ChangedSettings, SettingDigests};
pub use environment::load_environment;
pub use expansion::Environment;
pub use loaded::Loaded;
pub use reference::reference;
pub use resolved::UNPLACED_SESSION_FILE;
pub use schema::schema;

use reader::Reader;

/// Loads the configuration file at `path`, whose content is `text`.
///
/// # Errors
/// All diagnostics, in file order.
pub fn load(text: &str, path: &Path, environment: Environment<'_>) -> Result<Loaded, Diagnostics> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut reader = Reader::new(&path.display().to_string(), folder, environment);
    match document::parse(text) {
        Ok(mut root) => {
            if !root.has("applications")
                && !root.has("authentik")
                && let Some(outpost) = authentik::environment(environment)?
            {
                outpost.complete(&mut root);
                reader.files = outpost.files;
            }
            understand(&root, reader)
        }
        Err(fault) => {
            let location = Location::new("", fault.at.line, fault.at.column);
            let problem = format!("the file is not usable YAML: {}", fault.problem);
            reader.fault(&location, problem, fault.help);
            reader.finish(None)
        }
    }
}
