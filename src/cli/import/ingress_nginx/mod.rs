//! `gatepost import ingress-nginx`: one application for each host whose Ingress asks an authentication service. Who gets in is decided
//! by that service, whose rules are not in the file.

mod auth_url;
mod ingress;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::application::{ImportedApplication, Secret};
use super::arguments::Given;
use super::fault::ImportFault;
use super::node::Placed;
use super::report::{Place, Report};
use super::translation::{Translation, read};
use crate::cli::yaml::{Section, Value};
use crate::config::document;
use auth_url::Restrictions;
use ingress::{Ingress, ingresses};

/// Annotations that let ingress-nginx deny requests, or change who is asked. Another front proxy would not do so.
const RESTRICTING: [&str; 16] = [
    "auth-realm",
    "auth-secret",
    "auth-secret-type",
    "auth-tls-secret",
    "auth-tls-verify-client",
    "auth-tls-verify-depth",
    "auth-tls-match-cn",
    "auth-type",
    "whitelist-source-range",
    "allowlist-source-range",
    "denylist-source-range",
    "satisfy",
    "auth-snippet",
    "configuration-snippet",
    "server-snippet",
    "enable-modsecurity",
];

/// Annotations about the subrequest, which the printed files of front proxies set up.
const OF_THE_SUBREQUEST: [&str; 12] = [
    "auth-signin",
    "auth-signin-redirect-param",
    "auth-method",
    "auth-cache-key",
    "auth-cache-duration",
    "auth-proxy-set-headers",
    "auth-always-set-cookie",
    "auth-keepalive",
    "auth-keepalive-requests",
    "auth-keepalive-timeout",
    "auth-keepalive-share-vars",
    "auth-tls-error-page",
];

/// Headers that authentication services send, and the claims that they hold.
const HEADERS: [(&str, &str); 18] = [
    ("x-auth-request-user", "sub"),
    ("x-auth-request-email", "email"),
    ("x-auth-request-groups", "groups"),
    ("x-auth-request-preferred-username", "preferred_username"),
    ("x-forwarded-user", "sub"),
    ("x-forwarded-email", "email"),
    ("x-forwarded-groups", "groups"),
    ("x-forwarded-preferred-username", "preferred_username"),
    ("remote-user", "preferred_username"),
    ("remote-email", "email"),
    ("remote-groups", "groups"),
    ("remote-name", "name"),
    ("x-auth-request-access-token", ""),
    ("x-forwarded-access-token", ""),
    ("x-webauth-user", "preferred_username"),
    ("x-webauth-email", "email"),
    ("x-webauth-name", "name"),
    ("x-webauth-groups", "groups"),
];

/// Translates the file. `allow_anyone`: the authentication service lets every user pass.
pub(super) fn translate(path: &Path, allow_anyone: bool, given: &Given) -> Result<Translation, ImportFault> {
    let text = read(path)?;
    let file: Arc<str> = path.display().to_string().into();
    let unusable = |line: String| ImportFault::Unusable(vec![format!("{file}:{line}")]);
    let documents = document::parse_stream(&text).map_err(|fault| {
        unusable(format!("{}: the file is not usable YAML: {}; {}", fault.at.line, fault.problem, fault.help))
    })?;
    let (Some(issuer), Some(client_id)) = (&given.issuer, &given.client_id) else {
        return Err(unusable(" the file does not name the provider; name it with --issuer and --client-id".to_owned()));
    };
    let mut report = Report::default();
    let roots: Vec<Placed<'_>> = documents.iter().map(|document| Placed::root(&file, document)).collect();
    let found: Vec<Option<Ingress<'_>>> = roots.iter().flat_map(|document| ingresses(document, &mut report)).collect();
    let is_whole = found.iter().all(Option::is_some);
    let found: Vec<Ingress<'_>> = found.into_iter().flatten().collect();
    let mut by_host: BTreeMap<&str, Vec<&Ingress<'_>>> = BTreeMap::new();
    for ingress in &found {
        for host in &ingress.hosts {
            by_host.entry(host).or_default().push(ingress);
        }
        if ingress.annotation("auth-url").is_some() {
            for place in &ingress.open_hosts {
                let problem = "the rule has no host of its own, and is left out";
                report.remains(
                    place,
                    problem,
                    "write an application, in mode `forward_domain` for all hosts of a domain",
                );
            }
        }
    }
    let mut applications = Vec::new();
    for (host, ingresses) in by_host {
        let place = Place {
            key: host.to_owned(),
            ..ingresses.first().map_or_else(|| Place::of_file(&file), |first| first.place.clone())
        };
        let mut application = ImportedApplication {
            place,
            name: host.to_owned(),
            external_host: format!("https://{host}"),
            cookie_domain: None,
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            secret: Secret::Variable("GATEPOST_CLIENT_SECRET"),
            settings: Section::default(),
            public: Vec::new(),
            pass_preflight: false,
            rules: Vec::new(),
            closed: None,
        };
        if fill_in(&mut application, host, &ingresses, allow_anyone, &mut report) {
            if !is_whole {
                application.close("an Ingress cannot be read");
            }
            applications.push(application);
        }
    }
    Ok(Translation { applications, sections: Section::default(), report })
}

/// Whether a service is asked for the host at all.
fn fill_in(
    application: &mut ImportedApplication,
    host: &str,
    ingresses: &[&Ingress<'_>],
    allow_anyone: bool,
    report: &mut Report,
) -> bool {
    let (guarded, open): (Vec<&Ingress<'_>>, Vec<&Ingress<'_>>) =
        ingresses.iter().partition(|ingress| ingress.annotations.iter().any(|(name, _)| *name == "auth-url"));
    if guarded.is_empty() {
        report.dropped(
            &application.place,
            "no authentication service is asked for this host, so it becomes no application",
        );
        return false;
    }
    for ingress in open {
        annotations(ingress, application, report);
        let problem = format!("{} passes without a sign-in; here every path of {host} needs one", ingress.name);
        report.remains(&ingress.place, problem, "write its paths into `skip_path_regex`, if they are to stay public");
    }
    if !guarded.iter().any(|ingress| ingress.tls_hosts.iter().any(|name| covers(name, host))) {
        let problem = format!("{host} has no certificate here; applications are https");
        report.remains(&application.place, problem, "let the front proxy, or what is before it, end TLS");
    }
    let mut headers = Vec::new();
    let mut restrictions: Vec<Restrictions> = Vec::new();
    for ingress in &guarded {
        annotations(ingress, application, report);
        let Some((place, url)) = ingress.annotation("auth-url") else {
            application.close("`auth-url` cannot be read");
            continue;
        };
        let asked = Restrictions::of(url);
        if asked.has_unknown {
            application.close("a parameter of `auth-url` is not known");
            report.remains(place, "a parameter could restrict access, so the application is closed", "write `allow`");
        }
        if !restrictions.contains(&asked) {
            restrictions.push(asked);
        }
        if let Some((place, list)) = ingress.annotation("auth-response-headers") {
            headers.extend(list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(|name| (place, name)));
        }
    }
    rules(application, &restrictions, allow_anyone, report);
    application.settings.set("headers", "none");
    claim_headers(application, headers, report);
    true
}

fn rules(
    application: &mut ImportedApplication,
    restrictions: &[Restrictions],
    allow_anyone: bool,
    report: &mut Report,
) {
    let [only] = restrictions else {
        application.close("its paths ask for different things");
        let problem = "its Ingresses ask the service for different things, so the application is closed";
        return report.remains(&application.place, problem, "write `allow`, with `paths`");
    };
    if !allow_anyone {
        application.close("the authentication service decides who gets in");
        let problem = "the rules of the authentication service are not in this file, so the application is closed";
        let help =
            "translate its configuration and write `allow`, or import with --allow-anyone if it lets every user pass";
        return report.remains(&application.place, problem, help);
    }
    application.rules = vec![only.rule()];
}

/// Annotations beside `auth-url` and `auth-response-headers`.
fn annotations(ingress: &Ingress<'_>, application: &mut ImportedApplication, report: &mut Report) {
    for (name, value) in &ingress.annotations {
        if matches!(*name, "auth-url" | "auth-response-headers") {
            continue;
        }
        if OF_THE_SUBREQUEST.contains(name) {
            report.dropped(&value.place, "the front proxy's file sets it up (`gatepost snippet`)");
        } else if RESTRICTING.contains(name) || name.starts_with("auth-") || *name == "enable-global-auth" {
            application.close("ingress-nginx itself restricts access");
            let problem = "ingress-nginx could deny requests by it, so the application is closed";
            report.remains(&value.place, problem, "keep it at the front proxy, or write `allow` that says the same");
        } else {
            report.dropped(&value.place, "the front proxy passes requests on");
        }
    }
}

fn claim_headers(application: &mut ImportedApplication, headers: Vec<(&Place, &str)>, report: &mut Report) {
    let mut entries: Vec<Section> = Vec::new();
    for (place, name) in headers {
        let lower = name.to_ascii_lowercase();
        let mut entry = Section::of("header", name);
        match HEADERS.iter().find(|(known, _)| *known == lower).map(|(_, claim)| *claim) {
            Some("") => entry.set("token", "access_token"),
            Some("groups") => {
                entry.set("claim", "groups");
                entry.set("separator", ",");
            }
            Some(claim) => entry.set("claim", claim),
            None if lower == "authorization" => entry.set("token", "id_token"),
            None if lower == "set-cookie" => continue,
            None => {
                report.remains(place, format!("the value of {name} is not known"), "write it into `claim_headers`");
                continue;
            }
        }
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    if !entries.is_empty() {
        application.settings.set("claim_headers", entries.into_iter().collect::<Value>());
    }
}

/// Whether a certificate's name is that of the host.
fn covers(name: &str, host: &str) -> bool {
    let below = name.strip_prefix('*').and_then(|suffix| host.strip_suffix(suffix));
    name == host || below.is_some_and(|label| !label.is_empty() && !label.contains('.'))
}
