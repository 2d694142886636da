//! Ingresses as they are read from a file.

use crate::cli::import::node::Placed;
use crate::cli::import::report::{Place, Report};

const PREFIX: &str = "nginx.ingress.kubernetes.io/";

/// One Ingress.
#[derive(Clone)]
pub(super) struct Ingress<'n> {
    pub(super) place: Place,
    pub(super) name: String,
    /// The annotations of ingress-nginx, without their prefix.
    pub(super) annotations: Vec<(&'n str, Placed<'n>)>,
    /// The hosts of its rules, as far as they are named.
    pub(super) hosts: Vec<String>,
    /// Rules without a host, or with a pattern.
    pub(super) open_hosts: Vec<Place>,
    /// The hosts with a certificate.
    pub(super) tls_hosts: Vec<String>,
}

impl<'n> Ingress<'n> {
    /// The text of an annotation, if it is one.
    pub(super) fn annotation(&self, name: &str) -> Option<(&Place, &'n str)> {
        let (_, value) = self.annotations.iter().find(|(known, _)| *known == name)?;
        Some((&value.place, value.text()?))
    }
}

/// The Ingresses of a document, which may be a list; `None` for one that cannot be read.
pub(super) fn ingresses<'n>(document: &Placed<'n>, report: &mut Report) -> Vec<Option<Ingress<'n>>> {
    let kind = document.get("kind");
    match kind.as_ref().and_then(Placed::text) {
        Some("List" | "IngressList") => {
            let items = document.get("items").and_then(|items| items.items()).unwrap_or_default();
            items.iter().flat_map(|item| ingresses(item, report)).collect()
        }
        Some("Ingress") => {
            let found = ingress(document);
            if found.is_none() {
                let problem =
                    "the Ingress cannot be read, so every application is closed: it could restrict each of them";
                report.remains(&document.place, problem, "correct it");
            }
            vec![found]
        }
        Some(_) | None => {
            report.dropped(&document.place, "it is no Ingress");
            Vec::new()
        }
    }
}

fn ingress<'n>(document: &Placed<'n>) -> Option<Ingress<'n>> {
    let (metadata, spec) = (document.get("metadata")?, document.get("spec")?);
    let annotations = match metadata.get("annotations") {
        Some(annotations) => annotations.entries()?,
        None => Vec::new(),
    };
    let annotations = annotations.into_iter().filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value)));
    let mut ingress = Ingress {
        place: document.place.clone(),
        name: metadata.get("name")?.text()?.to_owned(),
        annotations: annotations.collect(),
        hosts: Vec::new(),
        open_hosts: Vec::new(),
        tls_hosts: Vec::new(),
    };
    let rules = match spec.get("rules") {
        Some(rules) => rules.items()?,
        None => Vec::new(),
    };
    for rule in rules {
        match rule.get("host").as_ref().and_then(Placed::text) {
            Some(host) if !host.contains('*') => ingress.hosts.push(host.to_ascii_lowercase()),
            Some(_) | None => ingress.open_hosts.push(rule.place.clone()),
        }
    }
    if spec.get("defaultBackend").is_some() {
        ingress.open_hosts.push(spec.place.clone());
    }
    if let Some((_, aliases)) = ingress.annotation("server-alias") {
        ingress.hosts.extend(aliases.split([',', ' ']).filter(|alias| !alias.is_empty()).map(str::to_ascii_lowercase));
    }
    for entry in spec.get("tls").map(|tls| tls.items()).unwrap_or_default().unwrap_or_default() {
        let hosts = entry.get("hosts").and_then(|hosts| hosts.texts()).unwrap_or_default();
        ingress.tls_hosts.extend(hosts.into_iter().map(str::to_ascii_lowercase));
    }
    Some(ingress)
}
