//! The field numbers of the parts of a `CheckRequest`, a module for each message.

/// `envoy.service.auth.v3.CheckRequest`.
pub(super) mod check_request {
    pub(in crate::inbound::ext_authz) const ATTRIBUTES: u32 = 1;
}

/// `envoy.service.auth.v3.AttributeContext`.
pub(super) mod attribute_context {
    pub(in crate::inbound::ext_authz) const SOURCE: u32 = 1;
    pub(in crate::inbound::ext_authz) const DESTINATION: u32 = 2;
    pub(in crate::inbound::ext_authz) const REQUEST: u32 = 4;
    pub(in crate::inbound::ext_authz) const CONTEXT_EXTENSIONS: u32 = 10;
    pub(in crate::inbound::ext_authz) const METADATA_CONTEXT: u32 = 11;
    pub(in crate::inbound::ext_authz) const TLS_SESSION: u32 = 12;
    pub(in crate::inbound::ext_authz) const ROUTE_METADATA_CONTEXT: u32 = 13;
}

/// `envoy.service.auth.v3.AttributeContext.Request`.
pub(super) mod request {
    pub(in crate::inbound::ext_authz) const TIME: u32 = 1;
    pub(in crate::inbound::ext_authz) const HTTP: u32 = 2;
}

/// `envoy.service.auth.v3.AttributeContext.HttpRequest`.
pub(super) mod http_request {
    pub(in crate::inbound::ext_authz) const ID: u32 = 1;
    pub(in crate::inbound::ext_authz) const METHOD: u32 = 2;
    pub(in crate::inbound::ext_authz) const HEADERS: u32 = 3;
    pub(in crate::inbound::ext_authz) const PATH: u32 = 4;
    pub(in crate::inbound::ext_authz) const HOST: u32 = 5;
    pub(in crate::inbound::ext_authz) const SCHEME: u32 = 6;
    pub(in crate::inbound::ext_authz) const QUERY: u32 = 7;
    pub(in crate::inbound::ext_authz) const FRAGMENT: u32 = 8;
    pub(in crate::inbound::ext_authz) const SIZE: u32 = 9;
    pub(in crate::inbound::ext_authz) const PROTOCOL: u32 = 10;
    pub(in crate::inbound::ext_authz) const HEADER_MAP: u32 = 13;
}

/// `envoy.service.auth.v3.AttributeContext.Peer`.
pub(super) mod peer {
    pub(in crate::inbound::ext_authz) const ADDRESS: u32 = 1;
    pub(in crate::inbound::ext_authz) const SERVICE: u32 = 2;
    pub(in crate::inbound::ext_authz) const PRINCIPAL: u32 = 4;
    pub(in crate::inbound::ext_authz) const CERTIFICATE: u32 = 5;
}

/// `envoy.service.auth.v3.AttributeContext.TLSSession`.
pub(super) mod tls_session {
    pub(in crate::inbound::ext_authz) const SNI: u32 = 1;
}

/// `envoy.config.core.v3.Address`.
pub(super) mod address {
    pub(in crate::inbound::ext_authz) const SOCKET_ADDRESS: u32 = 1;
}

/// `envoy.config.core.v3.SocketAddress`.
pub(super) mod socket_address {
    pub(in crate::inbound::ext_authz) const PROTOCOL: u32 = 1;
    pub(in crate::inbound::ext_authz) const ADDRESS: u32 = 2;
    pub(in crate::inbound::ext_authz) const PORT_VALUE: u32 = 3;
    pub(in crate::inbound::ext_authz) const NAMED_PORT: u32 = 4;
    pub(in crate::inbound::ext_authz) const RESOLVER_NAME: u32 = 5;
    pub(in crate::inbound::ext_authz) const IPV4_COMPAT: u32 = 6;
    pub(in crate::inbound::ext_authz) const NETWORK_NAMESPACE_FILEPATH: u32 = 7;
}

/// `envoy.config.core.v3.HeaderMap`.
pub(super) mod header_map {
    pub(in crate::inbound::ext_authz) const HEADERS: u32 = 1;
}

/// `envoy.config.core.v3.HeaderValue`.
pub(super) mod header_value {
    pub(in crate::inbound::ext_authz) const KEY: u32 = 1;
    pub(in crate::inbound::ext_authz) const VALUE: u32 = 2;
    pub(in crate::inbound::ext_authz) const RAW_VALUE: u32 = 3;
}

/// `google.protobuf.Timestamp`.
pub(super) mod timestamp {
    pub(in crate::inbound::ext_authz) const SECONDS: u32 = 1;
    pub(in crate::inbound::ext_authz) const NANOS: u32 = 2;
}

/// An entry of a `map<string, string>`.
pub(super) mod map_entry {
    pub(in crate::inbound::ext_authz) const KEY: u32 = 1;
    pub(in crate::inbound::ext_authz) const VALUE: u32 = 2;
}
