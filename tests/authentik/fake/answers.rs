//! The answers of the API, in authentik's own shape; `schema.rs` compares them with authentik's published models.

use axum::body::Body;
use http::Response;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Recorded, State, json_answer, text};

/// A key pair of authentik.
#[derive(Clone)]
pub(crate) struct FakeCertificate {
    pub(crate) uuid: String,
    pub(crate) name: String,
    pub(crate) fingerprint: Option<String>,
    pub(crate) chain: String,
    pub(crate) private_key: Option<String>,
}

/// An outpost of the type `proxy`.
pub(crate) fn outpost(pk: &str) -> Value {
    json!({
        "pk": pk, "name": "edge", "type": "proxy", "providers": [7], "providers_obj": [provider_object(7, "wiki")],
        "service_connection": null, "service_connection_obj": null, "refresh_interval_s": 300,
        "token_identifier": format!("ak-outpost-{pk}-api"),
        "config": {
            "log_level": "info", "docker_labels": null, "authentik_host": "https://auth.example.com/",
            "docker_network": null, "container_image": null, "docker_map_ports": true, "refresh_interval": "minutes=5",
            "kubernetes_replicas": 1, "kubernetes_namespace": "default", "authentik_host_browser": "",
            "object_naming_template": "ak-outpost-%(name)s", "authentik_host_insecure": false,
            "kubernetes_json_patches": null, "kubernetes_service_type": "ClusterIP",
        },
        "managed": null,
    })
}

fn provider_object(pk: i64, slug: &str) -> Value {
    let flow = "8a3b1c0e-5a55-4d7c-9d0e-0c6f6f0f2a11";
    json!({
        "pk": pk, "name": slug, "authentication_flow": null, "authorization_flow": flow, "invalidation_flow": flow,
        "property_mappings": [], "component": "ak-provider-proxy-form", "assigned_application_slug": slug,
        "assigned_application_name": slug, "assigned_backchannel_application_slug": null,
        "assigned_backchannel_application_name": null, "verbose_name": "Proxy Provider",
        "verbose_name_plural": "Proxy Providers", "meta_model_name": "authentik_providers_proxy.proxyprovider",
    })
}

/// A proxy provider with its application; its endpoints are added when it is sent.
pub(crate) fn provider(pk: i64, slug: &str, external_host: &str) -> Value {
    json!({
        "pk": pk, "name": format!("Provider for {slug}"), "internal_host": "", "external_host": external_host,
        "internal_host_ssl_validation": true, "client_id": format!("client-of-{slug}"),
        "client_secret": format!("{slug}-secret-0123456789abcdef0123456789abcdef"), "oidc_configuration": null,
        "cookie_secret": "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "certificate": null, "skip_path_regex": "^/public\n",
        "basic_auth_enabled": false, "basic_auth_password_attribute": "", "basic_auth_user_attribute": "",
        "mode": "forward_single", "cookie_domain": "", "access_token_validity": 86400.0, "intercept_header_auth": true,
        "scopes_to_request": ["ak_proxy", "openid", "email", "profile", "entitlements"],
        "assigned_application_slug": slug, "assigned_application_name": slug.to_uppercase(),
    })
}

/// The endpoints of an application, below the address by which the API was asked.
fn oidc_configuration(base: &str, slug: &str) -> Value {
    let at = |path: &str| format!("{base}/application/o/{path}");
    json!({
        "issuer": at(&format!("{slug}/")), "authorization_endpoint": at("authorize/"), "token_endpoint": at("token/"),
        "userinfo_endpoint": at("userinfo/"), "end_session_endpoint": at(&format!("{slug}/end-session/")),
        "introspection_endpoint": at("introspect/"), "jwks_uri": at(&format!("{slug}/jwks/")),
        "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["HS256"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    })
}

impl State {
    pub(super) fn resource(&self, resource: &str, request: &Recorded, base: &str) -> Response<Body> {
        match resource {
            "outposts/instances/" => self.page(&self.outposts, request),
            "outposts/proxy/" if !self.is_service_account => {
                let detail = "You do not have permission to perform this action.";
                json_answer(403, &json!({ "detail": detail }))
            }
            "outposts/proxy/" => {
                let endpoints = |provider: &Value| {
                    let mut provider = provider.clone();
                    let slug = provider["assigned_application_slug"].as_str().unwrap_or_default().to_owned();
                    if provider["oidc_configuration"].is_null() {
                        provider["oidc_configuration"] = oidc_configuration(base, &slug);
                    }
                    provider
                };
                self.page(&self.providers.iter().map(endpoints).collect::<Vec<_>>(), request)
            }
            other => self.certificate(other).unwrap_or_else(|| match other.split('/').next() {
                Some("crypto") => {
                    json_answer(404, &json!({ "detail": "No CertificateKeyPair matches the given query." }))
                }
                _ => text(404, "text/html", "<!DOCTYPE html><title>Not Found</title>".to_owned()),
            }),
        }
    }

    fn page(&self, items: &[Value], request: &Recorded) -> Response<Body> {
        let asked = |name: &str| {
            let mut pairs = form_urlencoded::parse(request.query.as_bytes());
            pairs.find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok())
        };
        let size: usize = asked("page_size").unwrap_or(20).min(self.page_size);
        let number: usize = asked("page").unwrap_or(1);
        let pages = items.len().div_ceil(size).max(1);
        let (start, end) = ((number - 1) * size, (number * size).min(items.len()));
        if number > pages {
            return json_answer(404, &json!({ "detail": "Invalid page." }));
        }
        let list = json!({
            "pagination": {
                "next": if number < pages { number + 1 } else { 0 }, "previous": number - 1, "count": items.len(),
                "current": number, "total_pages": pages, "start_index": (start + 1).min(items.len()), "end_index": end,
            },
            "results": items[start..end],
            "autocomplete": {},
        });
        json_answer(200, &(self.edit)(list))
    }

    fn certificate(&self, resource: &str) -> Option<Response<Body>> {
        let (uuid, part) = resource.strip_prefix("crypto/certificatekeypairs/")?.split_once('/')?;
        let known = self.certificates.iter().find(|known| known.uuid == uuid)?;
        let data = |pem: &str| Some(json_answer(200, &json!({ "data": pem })));
        match part {
            "view_certificate/" => data(&known.chain),
            "view_private_key/" => data(known.private_key.as_deref().unwrap_or_default()),
            "" => Some(json_answer(
                200,
                &json!({
                    "pk": uuid, "name": known.name, "fingerprint_sha256": known.fingerprint, "fingerprint_sha1": "aa:bb",
                    "cert_expiry": "2031-01-01T00:00:00Z", "cert_subject": "CN=wiki.example.com",
                    "private_key_available": known.private_key.is_some(), "key_type": "ec",
                    "certificate_download_url": format!("/api/v3/{resource}view_certificate/?download"),
                    "private_key_download_url": format!("/api/v3/{resource}view_private_key/?download"), "managed": null,
                }),
            )),
            _ => None,
        }
    }
}
