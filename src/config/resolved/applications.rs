//! Applications: each one alone, then all together.

use super::access_rules::access_rules;
use super::cookie::cookie;
use super::credentials::credentials;
use super::relying_party::relying_party;
use super::resource_metadata::{About, resource_metadata};
use super::{foreign_issuers, forward_auth, identity_headers, proxy};
use crate::config::diagnostic::Location;
use crate::config::raw::{self, File};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::config::value::Patterns;
use crate::domain::application::cors::{CorsOrigin, CorsOrigins};
use crate::domain::application::endpoints::Prefixes;
use crate::domain::application::registry::Applications;
use crate::domain::application::{Application, Mode};
use crate::domain::http::{CookieDomain, ExternalHost, Networks};
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::policy::identity_headers::{Budget, HeaderPlan};
use crate::domain::policy::{AccessRules, PatternFaultCause, PublicPaths};
use crate::domain::slug::Slug;

const EVERY_CLIENT: forward_auth::TooMany =
    ("it contains every address, so no client would need a sign-in", "list the networks of some clients");

/// All applications, checked against each other.
pub(super) fn applications(file: &File, reader: &mut Reader<'_>) -> Option<Applications> {
    let prefixes = forward_auth::prefixes(&file.forward_auth);
    let list = match (&file.applications, &file.authentik) {
        (Setting::Absent, Setting::Absent) => {
            let location = Location::new("applications", 1, 1);
            reader.fault(&location, "it is required and missing", "add `applications: …`, or a section `authentik`");
            return None;
        }
        (Setting::Absent, _) => return Some(Applications::default().with_prefixes(prefixes)),
        (Setting::Faulty, _) => return None,
        (Setting::Given(list), Setting::Given(Spanned { location, .. })) => {
            let problem = "the applications of this file would be ignored beside it";
            reader.fault(location, problem, "keep either `applications` or `authentik`");
            list
        }
        (Setting::Given(list), _) => list,
    };
    if list.value.is_empty() {
        reader.fault(&list.location, "the list is empty", "add at least one application");
        return None;
    }
    let budget = identity_headers::budget(&file.limits.value.identity_headers.value);
    let made: Vec<(&Spanned<raw::Application>, Option<Application>)> = list
        .value
        .iter()
        .map(|written| (written, application(&written.value, &written.location, prefixes, budget, reader)))
        .collect();
    let count = made.len();
    let (written, sound): (Vec<_>, Vec<_>) =
        made.into_iter().filter_map(|(written, made)| made.map(|made| (written, made))).unzip();
    let agree = agree_on_endpoints(&written, &sound, reader);
    let complete = agree && sound.len() == count;
    let clashes = match Applications::new(sound) {
        Ok(applications) => return complete.then(|| applications.with_prefixes(prefixes)),
        Err(clashes) => clashes,
    };
    for clash in clashes {
        let (Some(first), Some(second)) = (written.get(clash.first), written.get(clash.second)) else { continue };
        let key = match clash.what {
            "slug" => second.value.slug.given().or(second.value.name.given()),
            "cookie_domain" => second.value.cookie_domain.given(),
            _ => second.value.external_host.given(),
        };
        let problem = format!("{} has the same {}", first.location.key, clash.what);
        let help = if clash.what == "slug" { "give one of them a `slug` of its own" } else { "keep one of the two" };
        reader.fault(key.map_or(&second.location, |key| &key.location), problem, help);
    }
    None
}

/// Whether all applications of one issuer give it the same endpoints: it is one provider, whose keys are cached once.
fn agree_on_endpoints(
    written: &[&Spanned<raw::Application>],
    applications: &[Application],
    reader: &mut Reader<'_>,
) -> bool {
    let mut agree = true;
    for (index, (written, later)) in written.iter().zip(applications).enumerate() {
        let differs = |earlier: &&Application| {
            let (one, other) = (&earlier.relying_party, &later.relying_party);
            let addresses = |party: &RelyingParty| {
                (party.endpoints.clone(), party.discovery_url.clone(), party.backchannel_base.clone())
            };
            one.issuer == other.issuer && addresses(one) != addresses(other)
        };
        if let Some(earlier) = applications.iter().take(index).find(differs) {
            let location = written.value.issuer.given().map_or(&written.location, |issuer| &issuer.location);
            let problem = format!("the application `{}` gives this issuer other endpoints or addresses", earlier.slug);
            reader.fault(location, problem, "give both the same, or none");
            agree = false;
        }
    }
    agree
}

/// One application alone; on `None` diagnostics have been recorded.
pub(in crate::config) fn application(
    written: &raw::Application,
    location: &Location,
    prefixes: Prefixes,
    budget: Budget,
    reader: &mut Reader<'_>,
) -> Option<Application> {
    let name = header_text(&written.name, reader);
    let provider_name = header_text(&written.provider_name, reader);
    let slug = slug(written, location, reader);
    let external = external(written, reader);
    let mode = mode(written, external.as_ref(), reader);
    proxy::refuse_in_other_modes(written, reader);
    let relying_party = relying_party(written, location, external.as_ref(), prefixes, reader);
    let public_paths = public_paths(&written.skip_path_regex, reader);
    let skip_networks = forward_auth::networks(&written.skip_networks.value, EVERY_CLIENT, reader);
    let cookie = cookie(&written.cookie, external.as_ref(), reader);
    let cors_origins = cors_origins(&written.cors_origins.value, reader);
    let credentials = credentials(written, reader);
    let groups = identity_headers::groups_claim(written, reader);
    let rules = access_rules(written, groups.as_ref(), reader);
    let headers = identity_headers::identity_headers(written, external.as_ref(), groups.as_ref(), budget, reader);
    let agree = match (&relying_party, &credentials, &rules) {
        (Some(relying_party), Some(_), Some(rules)) => {
            foreign_issuers::agree_with_rules(written, relying_party, rules, reader)
        }
        _ => false,
    };
    let resource_metadata = match (&mode, &external, &relying_party, &credentials) {
        (Some(mode), Some(external), Some(relying_party), Some(credentials)) => {
            resource_metadata(written, &About { mode, external, relying_party, credentials }, reader)
        }
        _ => None,
    };
    let name = name.filter(|_| agree)?;
    Some(Application {
        slug: slug?,
        provider_name: provider_name.unwrap_or_else(|| name.clone()),
        name,
        mode: mode?,
        external: external?,
        relying_party: RelyingParty {
            claims: claims_read(headers.as_ref()?, rules.as_ref()?),
            claims_of_rules: rules.as_ref()?.claims_read(),
            ..relying_party?
        },
        public_paths: public_paths?,
        skip_networks: Networks::new(skip_networks?),
        rules: rules?,
        access_token_validity: written.access_token_validity.given().map(|validity| validity.value.0),
        jwt_headers: written.jwt_headers.value,
        pass_preflight: written.pass_preflight.value,
        cookie: cookie?,
        cors_origins: cors_origins?,
        credentials: credentials?,
        resource_metadata: resource_metadata?,
        headers: headers?,
    })
}

/// The claims that the operator's settings use.
fn claims_read(headers: &HeaderPlan, rules: &AccessRules) -> Vec<String> {
    let mut read = headers.claims_read();
    read.extend(rules.claims_read());
    read.sort_unstable();
    read.dedup();
    read
}

/// A text that becomes part of a header, where control characters would end it early.
fn header_text(written: &Setting<String>, reader: &mut Reader<'_>) -> Option<String> {
    let Spanned { location, value } = written.given()?;
    if value.chars().any(char::is_control) {
        reader.fault(
            location,
            "it contains a control character or line break, which a header cannot carry",
            "write it on one line",
        );
        return None;
    }
    Some(value.clone())
}

fn slug(written: &raw::Application, location: &Location, reader: &mut Reader<'_>) -> Option<Slug> {
    let (location, slug, help) = match (&written.slug, written.name.given()) {
        (Setting::Given(slug), _) => (slug.location.clone(), Slug::parse(&slug.value), "write it like `team-wiki`"),
        (Setting::Absent, Some(name)) => (
            location.inside("slug"),
            Slug::from_name(&name.value),
            "add a `slug`, because none can be derived from `name`",
        ),
        (Setting::Absent | Setting::Faulty, _) => return None,
    };
    slug.map_err(|fault| reader.fault(&location, fault.to_string(), help)).ok()
}

fn external(written: &raw::Application, reader: &mut Reader<'_>) -> Option<ExternalHost> {
    let Spanned { location, value } = written.external_host.given()?;
    let parsed = ExternalHost::parse(value);
    parsed.map_err(|fault| reader.fault(location, fault.to_string(), "write it like https://wiki.example.com")).ok()
}

fn mode(written: &raw::Application, external: Option<&ExternalHost>, reader: &mut Reader<'_>) -> Option<Mode> {
    let domain = match (written.mode.value, &written.cookie_domain) {
        (raw::Mode::ForwardSingle, Setting::Absent) => return Some(Mode::ForwardSingle),
        (raw::Mode::Proxy, Setting::Absent) => return proxy::backends(written, reader).map(Mode::Proxy),
        (mode @ (raw::Mode::ForwardSingle | raw::Mode::Proxy), Setting::Given(domain)) => {
            let mode = if mode == raw::Mode::Proxy { "proxy" } else { "forward_single" };
            let help = "add `mode: forward_domain`, or remove it";
            reader.fault(&domain.location, format!("a cookie domain has no effect in mode `{mode}`"), help);
            return None;
        }
        (raw::Mode::ForwardDomain, Setting::Absent) => {
            let location = written.mode.location.clone();
            reader.fault(
                &location,
                "mode `forward_domain` needs a `cookie_domain`",
                "add `cookie_domain: example.com`",
            );
            return None;
        }
        (_, Setting::Faulty) => return None,
        (raw::Mode::ForwardDomain, Setting::Given(domain)) => domain,
    };
    let help = "name the parent domain of your own applications, such as example.com";
    let parsed = CookieDomain::parse(&domain.value);
    let cookie_domain = parsed.map_err(|fault| reader.fault(&domain.location, fault.to_string(), help)).ok()?;
    let (external, location) = (external?, &written.external_host.given()?.location);
    if !(external.host().as_str() == cookie_domain.as_str() || cookie_domain.covers(external.host())) {
        let problem = format!("it does not contain the external host {}", external.host());
        reader.fault(&domain.location, problem, "name the parent domain that both share");
        return None;
    }
    if !external.path().is_empty() {
        reader.fault(location, "in mode `forward_domain` the external host must not have a path", "remove the path");
        return None;
    }
    Some(Mode::ForwardDomain(cookie_domain))
}

fn public_paths(written: &Spanned<Patterns>, reader: &mut Reader<'_>) -> Option<PublicPaths> {
    let patterns = &written.value.0;
    let texts: Vec<String> = patterns.iter().map(|pattern| pattern.value.clone()).collect();
    match PublicPaths::compile(&texts) {
        Ok(compiled) => {
            for pattern in patterns.iter().filter(|pattern| compiled.unanchored().any(|text| text == pattern.value)) {
                let problem = format!("the pattern `{}` matches anywhere", printable(&pattern.value));
                let help = "begin it with `^`, and each alternative after a `|`, too, or write `^(/a|/b)`, unless this is intended";
                reader.warn(&pattern.location, problem, help);
            }
            Some(compiled)
        }
        Err(faults) => {
            for fault in faults {
                let location = patterns.get(fault.index).map_or(&written.location, |pattern| &pattern.location);
                let help = match fault.cause {
                    PatternFaultCause::Syntax(_) => "correct the regular expression, or remove it",
                    PatternFaultCause::MatchesEmptyText => {
                        "remove it, or write `^/` (in mode `forward_domain` `^https://`) to make every path public"
                    }
                };
                // The error of the compiler shows the pattern over several lines; the last one has the cause.
                let cause = fault.cause.to_string();
                let cause = cause.lines().last().unwrap_or_default().trim_start_matches("error: ");
                reader.fault(location, format!("the pattern cannot be used: {cause}"), help);
            }
            None
        }
    }
}

fn cors_origins(written: &[Spanned<String>], reader: &mut Reader<'_>) -> Option<CorsOrigins> {
    let made = written.iter().map(|Spanned { location, value }| {
        let help = "write it like https://app.example.com or https://app.example.com:8443, without a path";
        CorsOrigin::parse(value).map_err(|fault| reader.fault(location, fault.to_string(), help)).ok()
    });
    made.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(CorsOrigins::new)
}

fn printable(pattern: &str) -> String {
    pattern.escape_debug().take(200).collect()
}
