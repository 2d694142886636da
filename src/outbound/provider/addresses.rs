//! The addresses of one issuer, as the operator gives them.

use std::borrow::Cow;

use url::Url;

use super::discovery;
use super::http::names_this_machine;
use super::settings::StartFault;
use crate::domain::oidc::issuer::TENANT;
use crate::domain::oidc::relying_party::{ProviderEndpoints, RelyingParty};

/// What stands for the tenant where Microsoft Entra publishes the metadata of all tenants.
const ANY_TENANT: &str = "common";

/// The address of an issuer, and what the operator gives beside it. All of it is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    issuer: Url,
    discovery: Option<Url>,
    backchannel: Option<Url>,
    /// The endpoints in place of metadata.
    pub(super) endpoints: Option<ProviderEndpoints>,
}

impl Addresses {
    /// The addresses of the issuer of `relying_party` (Discovery section 3: https, no query, no fragment). Nothing is fetched
    /// from the issuer's own where the endpoints are given.
    pub(super) fn of(relying_party: &RelyingParty) -> Result<Self, StartFault> {
        let RelyingParty { issuer, endpoints, discovery_url, backchannel_base, .. } = relying_party;
        let fault = || StartFault::Issuer(issuer.clone());
        let url = Url::parse(&issuer.replace(TENANT, ANY_TENANT)).map_err(|_| fault())?;
        let clean = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.has_host();
        let safe =
            url.scheme() == "https" || (url.scheme() == "http" && (endpoints.is_some() || names_this_machine(&url)));
        if !(clean && safe) {
            return Err(fault());
        }
        let (discovery, backchannel) = (discovery_url.clone(), backchannel_base.clone());
        Ok(Self { issuer: url, discovery, backchannel, endpoints: endpoints.clone() })
    }

    /// Where the metadata is fetched.
    pub(super) fn metadata(&self) -> Url {
        self.discovery.clone().unwrap_or_else(|| discovery::address(&self.issuer))
    }

    /// Where an endpoint of the metadata is asked. An endpoint at another origin than the issuer's is no part of what the operator
    /// moved.
    pub(super) fn reached<'u>(&self, endpoint: &'u Url) -> Cow<'u, Url> {
        let Some(base) = self.backchannel.as_ref().filter(|_| endpoint.origin() == self.issuer.origin()) else {
            return Cow::Borrowed(endpoint);
        };
        let mut reached = base.clone();
        reached.set_path(endpoint.path());
        reached.set_query(endpoint.query());
        Cow::Owned(reached)
    }

    /// The addresses that the operator named, and that Gatepost sends requests to.
    pub(super) fn configured(&self) -> impl Iterator<Item = &Url> {
        let endpoints = self.endpoints.iter().flat_map(ProviderEndpoints::requested);
        std::iter::once(&self.issuer).chain(&self.discovery).chain(&self.backchannel).chain(endpoints)
    }

    pub(super) fn name_other_host(&self) -> bool {
        self.endpoints.as_ref().is_some_and(|endpoints| endpoints.backchannel_host.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::application;

    fn addresses(change: impl FnOnce(&mut RelyingParty)) -> Addresses {
        let mut party = application("https://wiki.example.com").relying_party;
        party.issuer = "https://sso.example.com/o/wiki/".to_owned();
        change(&mut party);
        Addresses::of(&party).expect("are addresses")
    }

    #[test]
    fn endpoints_of_the_issuers_origin_are_asked_at_the_base() {
        let base = Url::parse("https://sso.internal:8443").unwrap();
        let addresses = addresses(|party| party.backchannel_base = Some(base));
        for (endpoint, reached) in [
            ("https://sso.example.com/token", "https://sso.internal:8443/token"),
            ("https://sso.example.com:443/o/keys?x=1%2F2", "https://sso.internal:8443/o/keys?x=1%2F2"),
            ("https://sso.example.com:444/token", "https://sso.example.com:444/token"),
            ("http://sso.example.com/token", "http://sso.example.com/token"),
            ("https://keys.example.com/keys", "https://keys.example.com/keys"),
            ("https://sso.example.com.evil.test/keys", "https://sso.example.com.evil.test/keys"),
        ] {
            assert_eq!(addresses.reached(&Url::parse(endpoint).unwrap()).as_str(), reached);
        }
        assert_eq!(addresses.metadata().as_str(), "https://sso.example.com/o/wiki/.well-known/openid-configuration");
    }

    #[test]
    fn without_a_base_endpoints_stay_and_metadata_may_be_elsewhere() {
        let elsewhere = Url::parse("https://cdn.example.com/metadata.json").unwrap();
        let addresses = addresses(|party| party.discovery_url = Some(elsewhere.clone()));
        let endpoint = Url::parse("https://sso.example.com/token").unwrap();
        assert_eq!((addresses.reached(&endpoint).as_ref(), addresses.metadata()), (&endpoint, elsewhere));
    }
}
