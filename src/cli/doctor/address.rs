//! The address of an application, and where its cookies are valid.

use crate::domain::application::{Application, Mode};
use crate::domain::http::Scheme;
use crate::outbound::finding::Finding;

pub(super) fn about(application: &Application) -> Vec<Finding> {
    let external = &application.external;
    let address = match external.scheme() {
        Scheme::Https => Finding::ok("address", format!("{} is https", external.origin())),
        Scheme::Http => Finding::warn(
            "address",
            format!("{} is plain http, which only browsers on this machine can use", external.origin()),
            "let `external_host` begin with https where others use it",
        ),
    };
    let host = external.host();
    let cookies = match &application.mode {
        Mode::ForwardSingle | Mode::Proxy(_) => {
            Finding::ok("cookie_domain", format!("cookies are valid at {host} only"))
        }
        Mode::ForwardDomain(domain) if domain.covers(host) => {
            let text = format!("cookies are valid at each host below {}, {host} among them", domain.as_str());
            Finding::ok("cookie_domain", text)
        }
        Mode::ForwardDomain(domain) => Finding::fail(
            "cookie_domain",
            format!("`cookie_domain` {} does not cover {host}, so its browsers send no cookie", domain.as_str()),
            "let `cookie_domain` be a parent domain of the host in `external_host`",
        ),
    };
    vec![address, cookies]
}
