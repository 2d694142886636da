//! The certificates of the HTTPS listener, from wherever they come.

use std::sync::Arc;

use rustls::ServerConfig;

use crate::inbound::connections::{TlsFault, TlsIdentity, browsers_tls};

/// The certificates of the HTTPS listener.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The operator's, the default first.
    configured: Vec<TlsIdentity>,
    /// Those that come with the applications.
    of_applications: Vec<TlsIdentity>,
    /// The default where the operator gives none, and the names for which it was made. It is made again only for other names:
    /// front proxies may have pinned it.
    self_signed: Option<(Vec<String>, TlsIdentity)>,
}

impl Certificates {
    /// The operator's certificates, the default first; without one, a self-signed one for `hosts` is the default.
    ///
    /// # Errors
    /// When no self-signed certificate can be made.
    pub fn new(configured: Vec<TlsIdentity>, hosts: Vec<String>) -> Result<Self, TlsFault> {
        Self { configured: Vec::new(), of_applications: Vec::new(), self_signed: None }.with(configured, hosts)
    }

    /// With other certificates of the operator, or for other hosts.
    ///
    /// # Errors
    /// When no self-signed certificate can be made.
    pub(super) fn with(self, configured: Vec<TlsIdentity>, hosts: Vec<String>) -> Result<Self, TlsFault> {
        let self_signed = match self.self_signed {
            _ if !configured.is_empty() => None,
            Some((names, certificate)) if names == hosts => Some((names, certificate)),
            _ => Some((hosts.clone(), TlsIdentity::self_signed(hosts)?)),
        };
        Ok(Self { configured, self_signed, ..self })
    }

    /// With other certificates of applications.
    pub(super) fn with_those_of_applications(self, of_applications: Vec<TlsIdentity>) -> Self {
        Self { of_applications, ..self }
    }

    /// The operator's certificates.
    pub(super) fn configured(&self) -> &[TlsIdentity] {
        &self.configured
    }

    /// The TLS settings of the listener.
    pub(super) fn tls(&self) -> Result<Arc<ServerConfig>, TlsFault> {
        let named = [&self.configured[..], &self.of_applications].concat();
        match (self.configured.first(), &self.self_signed) {
            (Some(default), _) | (None, Some((_, default))) => browsers_tls(default, &named),
            (None, None) => browsers_tls(&TlsIdentity::self_signed(Vec::new())?, &named),
        }
    }
}
