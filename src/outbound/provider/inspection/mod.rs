//! Checks of a provider by an operator's command: each request is one that the service sends as well, or one that changes nothing.

mod announced;
mod authorization;
mod client;
mod fetched;
mod foreign;
mod known;
mod metadata;
mod registration;

use std::sync::Arc;

use self::fetched::{Fetched, of_checks};
use self::known::Known;
use super::issuer::Issuer;
use super::issuers::Issuers;
use super::settings::{ProviderSettings, StartFault};
use crate::domain::application::Application;
use crate::domain::oidc::relying_party::RelyingParty;
use crate::outbound::finding::Finding;
use crate::ports::{Clock, Entropy};

pub use announced::AnnouncedMetadata;
pub use foreign::inspect_foreign_issuer;

/// An issuer that was asked, and what was found.
pub struct InspectedIssuer {
    /// What was found about the issuer itself.
    pub findings: Vec<Finding>,
    known: Option<Known>,
}

impl InspectedIssuer {
    /// Asks the issuer of `relying_parties`, which all have the same one.
    ///
    /// # Errors
    /// See [`StartFault`].
    pub async fn ask(
        settings: &ProviderSettings,
        relying_parties: &[&RelyingParty],
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StartFault> {
        let settings = of_checks(settings);
        let issuer = Issuers::only(&settings, relying_parties, clock)?;
        let mut inspected = Self { findings: Vec::new(), known: None };
        if let Some(issuer) = issuer {
            inspected.known = inspected.about(issuer, settings).await;
        }
        Ok(inspected)
    }

    async fn about(&mut self, issuer: Arc<Issuer>, settings: ProviderSettings) -> Option<Known> {
        let Fetched { discovered, members, keys } = Fetched::fetch(&issuer, &settings, &mut self.findings).await?;
        self.findings.extend(metadata::about(&discovered, &members, issuer.endpoints().is_some()));
        Some(Known { issuer, discovered, members, keys, settings })
    }

    /// What the metadata announces; `None` where it could not be read.
    #[must_use]
    pub fn announced(&self) -> Option<AnnouncedMetadata> {
        self.known.as_ref().map(announced::of)
    }

    /// What was found about the registration of one application of this issuer.
    pub async fn application(&self, application: &Application, entropy: &dyn Entropy) -> Vec<Finding> {
        let Some(known) = &self.known else {
            return vec![Finding::note(
                "provider",
                "not asked about this client, because of the findings about its issuer",
            )];
        };
        let mut findings = registration::about(known, application);
        let (redirect_uri, client) = tokio::join!(
            authorization::redirect_uri(known, application, entropy),
            client::about(known, application, entropy)
        );
        findings.push(redirect_uri);
        findings.extend(client);
        findings
    }
}

#[cfg(test)]
mod tests;
