//! Where the programs are found that front proxies and other programs have to know.

use std::net::SocketAddr;

use crate::check::Check;

pub(crate) struct Addresses {
    /// The provider of all programs but Envoy's filters.
    pub(crate) issuer: String,
    /// The provider of Envoy's filters: its access tokens are signed, for an audience.
    pub(crate) issuer_of_filters: String,
    /// Gatepost with its file, and with Redis; over gRPC and over HTTP.
    pub(crate) gatepost: [SocketAddr; 2],
    pub(crate) gatepost_http: [SocketAddr; 2],
    /// The programs with sessions in cookies, and with sessions in Redis.
    pub(crate) oauth2_proxy: [SocketAddr; 2],
    pub(crate) apache: [SocketAddr; 2],
}

impl Addresses {
    /// What Envoy's `ext_authz` asks: Gatepost over gRPC, oauth2-proxy over HTTP.
    pub(crate) fn for_envoy(&self, check: Check) -> Option<SocketAddr> {
        match check {
            Check::Gatepost | Check::GatepostWithAllSessions => self.gatepost.first().copied(),
            Check::GatepostOnRedis => self.gatepost.last().copied(),
            Check::Oauth2Proxy => self.oauth2_proxy.first().copied(),
            Check::Oauth2ProxyOnRedis => self.oauth2_proxy.last().copied(),
            Check::Nothing
            | Check::ModAuthOpenidc
            | Check::ModAuthOpenidcOnRedis
            | Check::Oauth2Filter
            | Check::Oauth2AndJwtFilters => None,
        }
    }

    /// What nginx' `auth_request` asks over HTTP.
    pub(crate) fn for_nginx(&self, check: Check) -> Option<SocketAddr> {
        match check {
            Check::Gatepost | Check::GatepostWithAllSessions => self.gatepost_http.first().copied(),
            Check::GatepostOnRedis => self.gatepost_http.last().copied(),
            Check::ModAuthOpenidc => self.apache.first().copied(),
            Check::ModAuthOpenidcOnRedis => self.apache.last().copied(),
            Check::Oauth2Proxy | Check::Oauth2ProxyOnRedis => self.for_envoy(check),
            Check::Nothing | Check::Oauth2Filter | Check::Oauth2AndJwtFilters => None,
        }
    }
}
