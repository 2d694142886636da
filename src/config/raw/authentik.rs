//! Keys of authentik as the source of the applications.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::config::section::section;
use crate::config::value::Overlays;

section! {
    /// authentik.
    struct Authentik {
        /// URL of authentik as Gatepost reaches it, `https://host[:port][/path]`. Use plain http only within a network that
        /// nobody else can read.
        host: required String,
        /// Token of the outpost, preferably as `${VARIABLE}`; authentik shows it under Applications, Outposts, View
        /// Deployment Info. Either this key or `token_file` is required.
        token: optional SecretString,
        /// A file that holds the token; line breaks at its end are removed.
        token_file: optional PathBuf,
        /// `true`: any certificate and any host name of authentik is accepted, so anybody on the way can read the token and
        /// the client secrets.
        insecure: bool = "false",
        /// URL of authentik as browsers reach it, if it is another one; only its scheme, host and port matter.
        host_browser: optional String,
        /// Settings of single applications, by their slug, which replace or complete what authentik says about them. They
        /// are those of `applications[]` that do not concern addresses and the client. `external_host` names the application
        /// by its address: then the settings are for the application there, whatever its slug, and for no other. Settings that decide
        /// who gets in, such as `allow`, `bearer` and `skip_path_regex`, or that hand on tokens, require it.
        applications: optional Overlays,
    }
}
