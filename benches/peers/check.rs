//! The programs that are compared.

/// What decides whether a request passes, and where it keeps the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Nothing,
    Gatepost,
    GatepostOnRedis,
    /// The sessions are drawn at random from all that are in the store.
    GatepostWithAllSessions,
    Oauth2Proxy,
    Oauth2ProxyOnRedis,
    ModAuthOpenidc,
    ModAuthOpenidcOnRedis,
    Oauth2Filter,
    Oauth2AndJwtFilters,
}

impl Check {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "no check",
            Self::Gatepost => "Gatepost, SQLite file",
            Self::GatepostOnRedis => "Gatepost, Redis",
            Self::GatepostWithAllSessions => "Gatepost, SQLite file, all sessions in use",
            Self::Oauth2Proxy => "oauth2-proxy, cookies",
            Self::Oauth2ProxyOnRedis => "oauth2-proxy, Redis",
            Self::ModAuthOpenidc => "mod_auth_openidc, cookies",
            Self::ModAuthOpenidcOnRedis => "mod_auth_openidc, Redis",
            Self::Oauth2Filter => "Envoy's `oauth2` filter, cookies",
            Self::Oauth2AndJwtFilters => "Envoy's `oauth2` and `jwt_authn` filters, cookies",
        }
    }

    pub(crate) const fn is_gatepost(self) -> bool {
        matches!(self, Self::Gatepost | Self::GatepostOnRedis | Self::GatepostWithAllSessions)
    }

    pub(crate) const fn is_oauth2_proxy(self) -> bool {
        matches!(self, Self::Oauth2Proxy | Self::Oauth2ProxyOnRedis)
    }

    pub(crate) const fn is_mod_auth_openidc(self) -> bool {
        matches!(self, Self::ModAuthOpenidc | Self::ModAuthOpenidcOnRedis)
    }

    pub(crate) const fn is_filter(self) -> bool {
        matches!(self, Self::Oauth2Filter | Self::Oauth2AndJwtFilters)
    }

    /// Where the provider sends the browser back to.
    pub(crate) const fn callback(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Gatepost | Self::GatepostOnRedis | Self::GatepostWithAllSessions => {
                "/outpost.goauthentik.io/callback?X-authentik-auth-callback=true"
            }
            Self::Oauth2Proxy | Self::Oauth2ProxyOnRedis => "/oauth2/callback",
            Self::ModAuthOpenidc | Self::ModAuthOpenidcOnRedis => "/oidc/callback",
            Self::Oauth2Filter | Self::Oauth2AndJwtFilters => "/callback",
        }
    }

    /// The header in which the check reports the user.
    pub(crate) const fn user_header(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Gatepost | Self::GatepostOnRedis | Self::GatepostWithAllSessions => "x-authentik-username",
            Self::Oauth2Proxy | Self::Oauth2ProxyOnRedis => "x-auth-request-preferred-username",
            Self::ModAuthOpenidc | Self::ModAuthOpenidcOnRedis => "x-remote-user",
            // The filter itself reports no user; it passes the access token on.
            Self::Oauth2Filter => "authorization",
            Self::Oauth2AndJwtFilters => "x-jwt-sub",
        }
    }
}
