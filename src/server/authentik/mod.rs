//! authentik as the source of the applications: they are read when the service starts, at an interval and when authentik reports
//! a change, and sessions end when authentik reports their end.

mod applications;
mod listed;
mod session_ends;
mod status;
mod updates;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::application::Application;
use crate::domain::application::endpoints::Prefixes;
use crate::domain::crypto::sealing::SealingKeys;
use crate::domain::http::ExternalHost;
use crate::outbound::authentik::{AnswerCache, ConnectionSettings, Outpost, ProxyOutpostConfig};

pub use listed::{ListFault, Listed};
pub(super) use updates::{AuthentikUpdates, Parts};

/// authentik as the source of the applications.
#[derive(Clone, Debug)]
pub struct Authentik {
    /// How it is reached.
    pub connection: ConnectionSettings,
    /// The file with its last answer; `None`: no answer is kept, because no key outlasts the process.
    pub answer_file: Option<PathBuf>,
    /// How applications are made of its answers.
    pub mapping: Arc<dyn ApplicationMapping>,
}

impl Authentik {
    /// The file with the last answer, sealed by `keys`.
    fn cache(&self, keys: &SealingKeys) -> Option<Arc<AnswerCache>> {
        let ConnectionSettings { host, token, .. } = &self.connection;
        self.answer_file.as_ref().map(|path| Arc::new(AnswerCache::new(path, keys.clone(), host, token)))
    }
}

/// Makes applications of the providers that authentik lists.
pub trait ApplicationMapping: fmt::Debug + Send + Sync {
    /// The application of one provider, with the operator's settings for the application with the slug `overlay`.
    ///
    /// # Errors
    /// Lines that say why there is none, and what to do.
    fn application(
        &self,
        outpost: &Outpost,
        provider: &ProxyOutpostConfig,
        overlay: Option<&str>,
    ) -> Result<MappedApplication, Vec<String>>;

    /// The applications for which the operator has settings.
    fn overlays(&self) -> Vec<OverlayTarget>;

    /// The prefixes of the endpoints of all applications.
    fn prefixes(&self) -> Prefixes;
}

/// Which application the operator's settings are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlayTarget {
    /// Its slug, as the operator knows it; unique among them.
    pub slug: String,
    /// Its address, if the operator names it: it stays when the slug is changed in authentik.
    pub external_host: Option<ExternalHost>,
}

/// An application, and what is probably not intended about it.
#[derive(Clone, Debug)]
pub struct MappedApplication {
    /// The application.
    pub application: Application,
    /// Lines about it.
    pub warnings: Vec<String>,
}
