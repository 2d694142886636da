//! What authentik lists at one moment, for a command: nothing is taken into service, and no certificate is fetched, because authentik
//! records each look at a private key.

use thiserror::Error;

use super::Authentik;
use super::applications::{Before, MappedAnswer};
use crate::domain::application::registry::Applications;
use crate::outbound::authentik::{ApiFault, Connection, ConnectionFault, Providers};

/// What authentik lists.
#[derive(Debug)]
pub struct Listed {
    /// The name of the outpost whose token is configured.
    pub outpost: String,
    /// Its applications.
    pub applications: Applications,
    /// Lines about providers that are left out, and about doubtful settings.
    pub findings: Vec<String>,
}

/// Why there is no list.
#[derive(Debug, Error)]
pub enum ListFault {
    /// There cannot be a client.
    #[error(transparent)]
    Connection(#[from] ConnectionFault),
    /// authentik gave no usable answer.
    #[error(transparent)]
    Api(#[from] ApiFault),
}

impl Authentik {
    /// Asks authentik once for its outpost and the applications.
    ///
    /// # Errors
    /// See [`ListFault`].
    pub async fn list(&self) -> Result<Listed, ListFault> {
        let connection = Connection::new(&self.connection)?;
        let outpost = connection.outpost().await?;
        let Providers { valid, invalid } = connection.providers().await?;
        let before = Before { providers: &[], left_out: &[], overlaid: Vec::new() };
        let mapped = MappedAnswer::new(self.mapping.as_ref(), &outpost, &valid, &invalid, before);
        let MappedAnswer { applications, findings, .. } = mapped;
        Ok(Listed { outpost: outpost.name, applications, findings })
    }
}
