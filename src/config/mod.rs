//! Text and environment to checked values. `written` says what may stand in the file, `meaning` what it amounts to;
//! whatever is wrong is told at once, each complaint with file, line, key and mend.

mod diagnostic;
mod document;
pub mod duration;
mod environment;
mod expansion;
mod raw;
mod reader;
mod reference;
mod resolved;
mod schema;
mod secret_file;
mod section;
mod value;

use std::path::Path;

use diagnostic::Location;
use document::Node;
use value::Value as _;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use environment::load_environment;
pub use reader::Environment;
pub use reference::reference;
pub use schema::schema;

use crate::server::Config;
use reader::Reader;

/// A configuration to start with, and what was noticed in it.
#[derive(Debug)]
pub struct Loaded {
    /// The checked values.
    pub config: Config,
    /// What is probably not meant.
    pub warnings: Vec<Diagnostic>,
}

/// Reads the configuration file at `path`, whose content is `text`.
///
/// # Errors
/// Everything that is wrong with it, in file order.
pub fn load(text: &str, path: &Path, environment: Environment<'_>) -> Result<Loaded, Diagnostics> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut reader = Reader::new(&path.display().to_string(), folder, environment);
    match document::parse(text) {
        Ok(root) => understand(&root, reader),
        Err(fault) => {
            let place = Location::new("", fault.at.line, fault.at.column);
            let problem = format!("the file is not usable YAML: {}", fault.problem);
            reader.fault(&place, problem, fault.help);
            reader.finish(None)
        }
    }
}

fn understand(root: &Node, mut reader: Reader<'_>) -> Result<Loaded, Diagnostics> {
    let written = raw::File::read(root, &Location::new("", 1, 1), &mut reader);
    let config = written.and_then(|written| resolved::config(&written, &mut reader));
    reader.finish(config)
}
