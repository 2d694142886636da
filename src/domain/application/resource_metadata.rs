//! Metadata about an application as a protected resource (RFC 9728): what it says, and where it is.

use serde_json::{Map, Value, json};
use url::Url;

use crate::domain::http::{Authority, RequestTarget, Scheme};

/// The path of the metadata of a resource without a path (RFC 9728 section 3).
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Metadata about an application as a protected resource (RFC 9728 section 2).
#[derive(Clone, Debug)]
pub struct ResourceMetadata {
    /// The resource.
    pub resource: Resource,
    /// Issuer identifiers of the authorization servers.
    pub authorization_servers: Vec<String>,
    /// Scopes that clients may ask for.
    pub scopes_supported: Vec<String>,
    /// The name for users.
    pub resource_name: String,
    /// A page for developers.
    pub resource_documentation: Option<Url>,
    /// A page about how clients may use the data.
    pub resource_policy_uri: Option<Url>,
    /// The terms of service.
    pub resource_tos_uri: Option<Url>,
}

/// What clients call the resource (RFC 9728 section 1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// One resource, on the external host of its application.
    At(ResourceIdentifier),
    /// Each host of its application is one.
    EachHost,
}

/// A resource identifier: an address without query and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceIdentifier {
    text: String,
    /// The index in `text` at which the path begins.
    path: usize,
}

impl ResourceIdentifier {
    /// The identifier of a resource at `origin`, with a path that is empty or begins with `/`.
    #[must_use]
    pub fn new(origin: &str, path: &str) -> Self {
        Self { text: format!("{origin}{path}"), path: origin.len() }
    }

    /// The identifier as clients have to write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path, as it follows the well-known one. A slash alone does not follow it (RFC 9728 section 3.1).
    #[must_use]
    pub fn suffix(&self) -> &str {
        self.text.get(self.path..).filter(|path| *path != "/").unwrap_or_default()
    }

    /// The address of the metadata: the well-known path stands between the host and the resource's own path.
    #[must_use]
    pub fn metadata_address(&self) -> String {
        let origin = self.text.get(..self.path).unwrap_or_default();
        format!("{origin}{WELL_KNOWN}{}", self.suffix())
    }
}

impl Resource {
    /// Whether a request for `target`, on a host of the application, is for the metadata: only the exact spelling is.
    #[must_use]
    pub fn has_metadata_at(&self, target: &RequestTarget) -> bool {
        target.raw_path().strip_prefix(WELL_KNOWN) == Some(self.suffix())
    }

    /// The path of the metadata.
    #[must_use]
    pub fn metadata_path(&self) -> String {
        format!("{WELL_KNOWN}{}", self.suffix())
    }

    fn suffix(&self) -> &str {
        match self {
            Self::At(identifier) => identifier.suffix(),
            Self::EachHost => "",
        }
    }

    /// The identifier for a request to this host of the application.
    #[must_use]
    pub fn identifier(&self, scheme: Scheme, authority: &Authority) -> ResourceIdentifier {
        match self {
            Self::At(identifier) => identifier.clone(),
            Self::EachHost => {
                let origin = format!("{}://{}", scheme.as_str(), authority.to_text(scheme));
                ResourceIdentifier::new(&origin, "")
            }
        }
    }
}

impl ResourceMetadata {
    /// The document about this resource.
    #[must_use]
    pub fn document(&self, resource: &ResourceIdentifier) -> Value {
        let mut members: Map<String, Value> = [
            ("resource", json!(resource.as_str())),
            ("authorization_servers", json!(self.authorization_servers)),
            ("bearer_methods_supported", json!(["header"])),
            ("resource_name", json!(self.resource_name)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect();
        if !self.scopes_supported.is_empty() {
            members.insert("scopes_supported".to_owned(), json!(self.scopes_supported));
        }
        let pages = [
            ("resource_documentation", &self.resource_documentation),
            ("resource_policy_uri", &self.resource_policy_uri),
            ("resource_tos_uri", &self.resource_tos_uri),
        ];
        members
            .extend(pages.into_iter().filter_map(|(name, url)| Some((name.to_owned(), json!(url.as_ref()?.as_str())))));
        Value::Object(members)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(raw: &str) -> RequestTarget {
        RequestTarget::read(raw.to_owned()).expect("is well formed")
    }

    /// RFC 9728 section 3.1, with its examples.
    #[test]
    fn rs_1_the_well_known_path_stands_before_the_resources_own() {
        for (origin, path, address) in [
            ("https://resource.example.com", "", "https://resource.example.com/.well-known/oauth-protected-resource"),
            ("https://resource.example.com", "/", "https://resource.example.com/.well-known/oauth-protected-resource"),
            (
                "https://resource.example.com",
                "/resource1",
                "https://resource.example.com/.well-known/oauth-protected-resource/resource1",
            ),
            ("https://h:8443", "/a/mcp/", "https://h:8443/.well-known/oauth-protected-resource/a/mcp/"),
        ] {
            let resource = ResourceIdentifier::new(origin, path);
            assert_eq!(resource.as_str(), format!("{origin}{path}"));
            assert_eq!(resource.metadata_address(), address);
        }
    }

    #[test]
    fn rs_1_only_the_exact_spelling_is_the_metadata() {
        for (path, raw, expected) in [
            ("", "/.well-known/oauth-protected-resource", true),
            ("", "/.well-known/oauth-protected-resource?x=1", true),
            ("/", "/.well-known/oauth-protected-resource", true),
            ("", "/.well-known/oauth-protected-resource/", false),
            ("", "/.well-known/oauth-protected-resource/mcp", false),
            ("", "/.Well-known/oauth-protected-resource", false),
            ("", "/%2ewell-known/oauth-protected-resource", false),
            ("", "//.well-known/oauth-protected-resource", false),
            ("", "/x/.well-known/oauth-protected-resource", false),
            ("", "/.well-known/oauth-protected-resources", false),
            ("/mcp", "/.well-known/oauth-protected-resource/mcp", true),
            ("/mcp", "/.well-known/oauth-protected-resource/mcp/", false),
            ("/mcp", "/.well-known/oauth-protected-resource/%6dcp", false),
            ("/mcp", "/.well-known/oauth-protected-resource", false),
            ("/mcp", "/mcp/.well-known/oauth-protected-resource", false),
        ] {
            let resource = Resource::At(ResourceIdentifier::new("https://h.example", path));
            assert_eq!(resource.has_metadata_at(&target(raw)), expected, "{path} {raw}");
        }
    }

    proptest! {
        /// A client that makes the address of an identifier finds the metadata there, and of no other resource.
        #[test]
        fn rs_1_the_address_of_an_identifier_leads_to_its_metadata(path in "(/[a-z0-9~-]{1,6}){0,3}/?", other in "(/[a-z]{1,3}){0,2}") {
            let resource = ResourceIdentifier::new("https://h.example", &path);
            let address = resource.metadata_address();
            let raw = address.strip_prefix("https://h.example").expect("is on the same host");
            prop_assert!(Resource::At(resource.clone()).has_metadata_at(&target(raw)));
            let elsewhere = ResourceIdentifier::new("https://h.example", &other);
            let is_same = elsewhere.suffix() == resource.suffix();
            prop_assert_eq!(Resource::At(elsewhere).has_metadata_at(&target(raw)), is_same);
        }
    }
}
