//! The addresses of one issuer, as the operator gives them.

use std::borrow::Cow;

use url::Url;

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
    /// The address of the keys in place of metadata, of a foreign issuer.
    pub(super) jwks_uri: Option<Url>,
}

impl Addresses {
    /// The addresses of the issuer of `relying_party` (Discovery section 3: https, no query, no fragment). Nothing is fetched
    /// from the issuer's own where the endpoints are given.
    pub(super) fn of(relying_party: &RelyingParty) -> Result<Self, StartFault> {
        let RelyingParty { issuer, endpoints, discovery_url, backchannel_base, .. } = relying_party;
        let fault = || StartFault::Issuer(issuer.clone());
        let url = issuer_url(&issuer.replace(TENANT, ANY_TENANT), endpoints.is_some()).ok_or_else(fault)?;
        let (discovery, backchannel) = (discovery_url.clone(), backchannel_base.clone());
        Ok(Self { issuer: url, discovery, backchannel, endpoints: endpoints.clone(), jwks_uri: None })
    }

    /// The addresses of a foreign issuer. Where the address of its keys is given, it takes the place of the issuer's, which need
    /// not be an address.
    pub(super) fn of_foreign(issuer: &str, jwks_uri: Option<&Url>) -> Result<Self, StartFault> {
        let url = jwks_uri.cloned().or_else(|| issuer_url(issuer, false));
        let url = url.ok_or_else(|| StartFault::Issuer(issuer.to_owned()))?;
        Ok(Self { issuer: url, discovery: None, backchannel: None, endpoints: None, jwks_uri: jwks_uri.cloned() })
    }

    /// Where the metadata is fetched.
    pub(super) fn metadata(&self) -> Url {
        self.discovery.clone().unwrap_or_else(|| well_known(&self.issuer))
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

/// An issuer's identifier as an address, if metadata may be fetched from there.
fn issuer_url(identifier: &str, allows_plain_http: bool) -> Option<Url> {
    let url = Url::parse(identifier).ok()?;
    let clean = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.has_host();
    let safe = url.scheme() == "https" || (url.scheme() == "http" && (allows_plain_http || names_this_machine(&url)));
    (clean && safe).then_some(url)
}

/// The metadata address of `issuer` (OpenID Connect Discovery section 4).
fn well_known(issuer: &Url) -> Url {
    let mut address = issuer.clone();
    let path = format!("{}/.well-known/openid-configuration", issuer.path().trim_end_matches('/'));
    address.set_path(&path);
    address
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

    #[test]
    fn oc_23_the_well_known_path_follows_the_issuers() {
        for (issuer, expected) in [
            ("https://op.example", "https://op.example/.well-known/openid-configuration"),
            ("https://op.example/", "https://op.example/.well-known/openid-configuration"),
            ("https://op.example/o/wiki/", "https://op.example/o/wiki/.well-known/openid-configuration"),
            ("https://op.example/o/wiki", "https://op.example/o/wiki/.well-known/openid-configuration"),
        ] {
            assert_eq!(well_known(&Url::parse(issuer).unwrap()).as_str(), expected);
        }
    }
}
