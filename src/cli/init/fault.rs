//! Why `gatepost init` writes nothing, or not all.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why `gatepost init` writes nothing, or not all.
#[derive(Debug, Error)]
pub(crate) enum InitFault {
    /// There is no terminal to ask at, or the input ended.
    #[error("these options are missing: {}; `gatepost init --help` explains them", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// The terminal cannot be read or written.
    #[error("the terminal cannot be used: {0}")]
    Terminal(io::Error),
    /// Nothing is overwritten.
    #[error("{} exists already, and nothing is overwritten; name another folder with --folder, or move the file", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("{} cannot be written ({}); name a folder that exists with --folder", .0.display(), .1)]
    Unwritable(PathBuf, io::Error),
    /// What the provider's metadata shows.
    #[error("no file was written, because of the provider:\n{}\ncorrect --issuer, give --ca-file if the provider has a CA of its own, or write the files without the provider's metadata by --offline", .0.join("\n"))]
    Provider(Vec<String>),
    /// The provider takes no secret.
    #[error(
        "no file was written: `token_endpoint_auth_methods_supported` of the provider lists {0:?}, and init writes configurations for client_secret_basic and client_secret_post only; see `token_endpoint_auth_method` in the configuration reference"
    )]
    ClientAuthentication(Vec<String>),
    /// This front proxy has no file of its own.
    #[error("haproxy-script is written together with haproxy; use --front-proxy haproxy")]
    ScriptAlone,
}
