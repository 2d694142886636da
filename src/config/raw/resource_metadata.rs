//! Keys of the metadata about an application as a protected resource.

use crate::config::section::section;
use crate::config::value::Texts;

section! {
    /// Metadata about the application as a protected resource (RFC 9728), for programs that look for its authorization server, such
    /// as MCP clients. It is served without a sign-in at `/.well-known/oauth-protected-resource`, with the path of `resource` after
    /// it, and 401 and 403 for programs name that address in `WWW-Authenticate`. `resource_metadata: {}` uses the defaults; without
    /// this section, requests for that address reach the application.
    struct ResourceMetadata {
        /// Resource identifier, `external_host` or an address below it, without query and fragment; it must be what clients call
        /// the resource. Not in mode `forward_domain`, where each host is a resource. Unless given: `external_host`.
        resource: optional String,
        /// Issuers of the authorization servers that issue tokens for the application. Unless given: `issuer`.
        authorization_servers: non_empty Texts,
        /// Scopes that clients may ask for. Unless given: `scopes` of `bearer`.
        scopes_supported: optional Texts,
        /// Name of the resource for its users. Unless given: `name`.
        resource_name: optional String,
        /// URL of a page for developers.
        resource_documentation: optional String,
        /// URL of a page about how clients may use the data.
        resource_policy_uri: optional String,
        /// URL of the terms of service.
        resource_tos_uri: optional String,
    }
}
