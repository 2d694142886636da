//! All applications of one answer. A provider that cannot be used keeps its last good form, and never takes others with it.

use std::collections::BTreeMap;

use super::{ApplicationMapping, MappedApplication, OverlayTarget};
use crate::domain::application::Application;
use crate::domain::application::registry::{Applications, ReservedAddress};
use crate::domain::http::ExternalHost;
use crate::outbound::authentik::{InvalidProvider, Outpost, Overlaid, ProxyOutpostConfig};

/// The applications of one answer, and what was found about them.
pub(super) struct MappedAnswer {
    pub(super) applications: Applications,
    /// The providers from which they were made, also earlier forms of them: this is what is kept on disk.
    pub(super) providers: Vec<ProxyOutpostConfig>,
    /// The external hosts of the others.
    pub(super) left_out: Vec<String>,
    /// See [`Before::overlaid`].
    pub(super) overlaid: Vec<Overlaid>,
    /// Lines about providers that are left out, or served in an earlier form, and about doubtful settings.
    pub(super) findings: Vec<String>,
}

/// What was known before an answer.
pub(super) struct Before<'a> {
    /// The providers that were served.
    pub(super) providers: &'a [ProxyOutpostConfig],
    /// External hosts that are not served either.
    pub(super) left_out: &'a [String],
    /// The applications for which the operator has settings.
    pub(super) overlaid: Vec<Overlaid>,
}

/// How applications are made of providers.
struct Maker<'a> {
    mapping: &'a dyn ApplicationMapping,
    outpost: &'a Outpost,
    overlays: &'a [OverlayTarget],
    /// All providers of the answer.
    listed: &'a [ProxyOutpostConfig],
    /// See [`Before::overlaid`].
    before: &'a [Overlaid],
}

impl Maker<'_> {
    fn make(&self, provider: &ProxyOutpostConfig) -> Result<MappedApplication, Vec<String>> {
        self.mapping.application(self.outpost, provider, self.overlay_of(provider).map_err(|fault| vec![fault])?)
    }

    /// The earlier form of a provider, if there is one that can still be used.
    fn last_good<'p>(
        &self,
        name: &str,
        earlier: Option<&'p ProxyOutpostConfig>,
        findings: &mut Vec<String>,
    ) -> Option<(&'p ProxyOutpostConfig, Application)> {
        let kept = earlier.and_then(|earlier| Some((earlier, self.make(earlier).ok()?.application)));
        let state = if kept.is_some() { "is served as it was before" } else { "is left out" };
        findings.push(format!("provider {name:?} of authentik {state}, because of the faults above"));
        kept
    }

    /// The overlay of a provider. One that names an external host is for the provider at this address and no other: it may open
    /// something, and an edit of a slug must not move it. A provider that has its slug, or had it, at another address is refused while
    /// no provider is at the address, and one that has the slug always. An overlay without a host is for the provider with its slug,
    /// else for the one that had it under an earlier slug or at the same address.
    fn overlay_of(&self, provider: &ProxyOutpostConfig) -> Result<Option<&str>, String> {
        let own = self.overlays.iter().find(|target| target.slug == provider.assigned_application_slug);
        let at_host = self.overlays.iter().find(|target| names_address(target, provider) == Some(true));
        match (own, at_host) {
            (Some(own), Some(at_host)) if own.slug != at_host.slug => Err(format!(
                "provider {:?} of authentik: two settings would apply, `authentik.applications.{}` by the slug and `authentik.applications.{}` by `external_host`; correct the slugs and hosts in the file",
                provider.name, own.slug, at_host.slug
            )),
            (_, Some(at_host)) => Ok(Some(&at_host.slug)),
            (Some(own), None) if own.external_host.is_some() => Err(is_elsewhere(own, provider)),
            (Some(own), None) => Ok(Some(&own.slug)),
            (None, None) => self.earlier_overlay_of(provider),
        }
    }

    /// The overlay that a provider had, where neither its slug nor its address finds one now.
    fn earlier_overlay_of(&self, provider: &ProxyOutpostConfig) -> Result<Option<&str>, String> {
        let same_provider = self.before.iter().find(|overlaid| overlaid.pk == provider.pk);
        let same_host = || self.before.iter().find(|overlaid| is_same_address(&overlaid.external_host, provider));
        let Some(earlier) = same_provider.or_else(same_host) else { return Ok(None) };
        let Some(target) = self.overlays.iter().find(|target| target.slug == earlier.slug) else { return Ok(None) };
        if target.external_host.is_none() {
            return Ok(Some(&target.slug));
        }
        let is_found = self.listed.iter().any(|other| names_address(target, other) == Some(true));
        if is_found { Ok(None) } else { Err(is_elsewhere(target, provider)) }
    }

    /// Which provider has which overlay, to be known at the next answer: those of this answer, and what was known of the others.
    fn overlaid_now(&self) -> Vec<Overlaid> {
        let (mut now, mut decided) = (Vec::new(), Vec::new());
        for provider in self.listed {
            let Ok(overlay) = self.overlay_of(provider) else { continue };
            decided.push(provider.pk);
            now.extend(overlay.map(|slug| Overlaid {
                pk: provider.pk,
                external_host: provider.external_host.clone(),
                slug: slug.to_owned(),
            }));
        }
        let is_known = |overlaid: &&Overlaid| self.overlays.iter().any(|target| target.slug == overlaid.slug);
        let others = self.before.iter().filter(|overlaid| !decided.contains(&overlaid.pk)).filter(is_known);
        now.extend(others.cloned());
        now
    }
}

impl MappedAnswer {
    /// Makes the applications of `providers`.
    pub(super) fn new(
        mapping: &dyn ApplicationMapping,
        outpost: &Outpost,
        providers: &[ProxyOutpostConfig],
        invalid: &[InvalidProvider],
        Before { providers: earlier, left_out, overlaid }: Before<'_>,
    ) -> Self {
        let earlier: BTreeMap<i64, &ProxyOutpostConfig> =
            earlier.iter().map(|provider| (provider.pk, provider)).collect();
        let overlays = mapping.overlays();
        let maker = Maker { mapping, outpost, overlays: &overlays, listed: providers, before: &overlaid };
        let (mut findings, mut kept) = (Vec::new(), Vec::new());
        let mut made: Vec<(&ProxyOutpostConfig, Application)> = Vec::new();
        for provider in providers {
            match maker.make(provider) {
                Ok(MappedApplication { application, warnings }) => {
                    findings.extend(warnings);
                    made.push((provider, application));
                }
                Err(faults) => {
                    findings.extend(faults);
                    let before = earlier.get(&provider.pk).filter(|earlier| **earlier != provider);
                    kept.extend(maker.last_good(&provider.name, before.copied(), &mut findings));
                }
            }
        }
        for fault in invalid {
            findings.push(fault.to_string());
            let before = fault.pk.and_then(|pk| earlier.get(&pk)).copied();
            kept.extend(maker.last_good(fault.name.as_deref().unwrap_or("?"), before, &mut findings));
        }
        // Of providers that exclude each other one that was served before wins, and an earlier form only if nothing else is there.
        made.sort_by_key(|(provider, _)| !earlier.contains_key(&provider.pk));
        made.extend(kept);
        let made = without_other_endpoints(made, &mut findings);
        let (made_of, applications): (Vec<&ProxyOutpostConfig>, Vec<Application>) = made.into_iter().unzip();
        let (applications, clashes) = Applications::without_clashes(applications);
        for clash in &clashes {
            let name = |index: usize| made_of.get(index).map_or("?", |provider| provider.name.as_str());
            let (first, second) = (name(clash.first), name(clash.second));
            findings.push(format!(
                "provider {second:?} of authentik has the same {} as {first:?}, so it is left out; change or remove one of the two in authentik",
                clash.what
            ));
        }
        let overlaid = maker.overlaid_now();
        let is_left_out = |index: usize| clashes.iter().any(|clash| clash.second == index);
        let served = made_of.into_iter().enumerate().filter(|(index, _)| !is_left_out(*index));
        let served: Vec<ProxyOutpostConfig> = served.map(|(_, provider)| provider.clone()).collect();
        findings.extend(overlays.iter().flat_map(|target| about_overlay(target, &served, &overlaid)));
        let is_served = |external_host: &str| served.iter().any(|provider| provider.external_host == external_host);
        let listed = providers.iter().map(|provider| provider.external_host.as_str());
        let unreadable = invalid.iter().filter_map(|fault| fault.external_host.as_deref());
        let before = left_out.iter().map(String::as_str);
        let left_out: Vec<String> =
            listed.chain(unreadable).chain(before).filter(|host| !is_served(host)).map(str::to_owned).collect();
        let applications = applications.with_reserved(reserved(&left_out)).with_prefixes(mapping.prefixes());
        Self { applications, providers: served, left_out, overlaid, findings }
    }
}

/// The addresses of providers that are not served: a broader application must not answer there.
fn reserved(left_out: &[String]) -> Vec<ReservedAddress> {
    left_out.iter().filter_map(|external_host| ReservedAddress::of(external_host)).collect()
}

/// Why a provider that has, or had, the slug of settings for another address is not served.
fn is_elsewhere(target: &OverlayTarget, provider: &ProxyOutpostConfig) -> String {
    let named = target.external_host.as_ref().map(|host| host.join("")).unwrap_or_default();
    format!(
        "provider {:?} of authentik is at {}, but `authentik.applications.{}`, which was written for it, names {named}; correct `external_host` in the file",
        provider.name, provider.external_host, target.slug
    )
}

fn is_same_address(earlier: &str, provider: &ProxyOutpostConfig) -> bool {
    match (ExternalHost::parse(earlier), ExternalHost::parse(&provider.external_host)) {
        (Ok(earlier), Ok(present)) => earlier == present,
        _ => earlier == provider.external_host,
    }
}

/// Whether settings name the address of this provider; `None` if they name no address.
fn names_address(target: &OverlayTarget, provider: &ProxyOutpostConfig) -> Option<bool> {
    let named = target.external_host.as_ref()?;
    Some(ExternalHost::parse(&provider.external_host).is_ok_and(|address| address == *named))
}

/// What the operator should know about one of the overlays.
fn about_overlay(target: &OverlayTarget, served: &[ProxyOutpostConfig], overlaid: &[Overlaid]) -> Vec<String> {
    let OverlayTarget { slug, external_host } = target;
    let has_it = |provider: &&ProxyOutpostConfig| {
        overlaid.iter().any(|overlaid| overlaid.pk == provider.pk && overlaid.slug == *slug)
    };
    let with_it: Vec<&ProxyOutpostConfig> = served.iter().filter(has_it).collect();
    if with_it.is_empty() {
        let missing = if external_host.is_some() { "external host" } else { "slug" };
        return vec![format!(
            "`authentik.applications.{slug}` has no effect: no application with this {missing} is served"
        )];
    }
    let mut findings = Vec::new();
    for provider in with_it {
        let present = &provider.assigned_application_slug;
        if present != slug {
            findings.push(format!(
                "`authentik.applications.{slug}` applies to the application that authentik calls {present:?} now; write `{present}` in its place"
            ));
        }
    }
    findings
}

/// One issuer has one set of endpoints and keys. Its later applications with others are left out.
fn without_other_endpoints<'p>(
    made: Vec<(&'p ProxyOutpostConfig, Application)>,
    findings: &mut Vec<String>,
) -> Vec<(&'p ProxyOutpostConfig, Application)> {
    let mut kept: Vec<(&ProxyOutpostConfig, Application)> = Vec::new();
    for (provider, application) in made {
        let party = &application.relying_party;
        let other = kept.iter().find(|(_, other)| {
            other.relying_party.issuer == party.issuer && other.relying_party.endpoints != party.endpoints
        });
        if let Some((other, _)) = other {
            findings.push(format!(
                "provider {:?} of authentik has the issuer of {:?} and other endpoints, so it is left out; let each provider have an issuer of its own in authentik",
                provider.name, other.name
            ));
        } else {
            kept.push((provider, application));
        }
    }
    kept
}

#[cfg(test)]
mod tests;
