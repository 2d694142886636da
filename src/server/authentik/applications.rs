//! All applications of one answer. A provider that cannot be used keeps its last good form, and never takes others with it.

use std::collections::BTreeMap;

use super::{ApplicationMapping, MappedApplication};
use crate::domain::application::Application;
use crate::domain::application::registry::Applications;
use crate::outbound::authentik::{InvalidProvider, Outpost, ProxyOutpostConfig};

/// The applications of one answer, and what was found about them.
pub(super) struct MappedAnswer {
    pub(super) applications: Applications,
    /// The providers from which they were made, also earlier forms of them: this is what is kept on disk.
    pub(super) providers: Vec<ProxyOutpostConfig>,
    /// Lines about providers that are left out, or served in an earlier form, and about doubtful settings.
    pub(super) findings: Vec<String>,
}

impl MappedAnswer {
    /// Makes the applications of `providers`; `earlier` are those that were served before.
    pub(super) fn new(
        mapping: &dyn ApplicationMapping,
        outpost: &Outpost,
        providers: &[ProxyOutpostConfig],
        invalid: &[InvalidProvider],
        earlier: &[ProxyOutpostConfig],
    ) -> Self {
        let earlier: BTreeMap<i64, &ProxyOutpostConfig> =
            earlier.iter().map(|provider| (provider.pk, provider)).collect();
        let mut findings = Vec::new();
        let mut made: Vec<(&ProxyOutpostConfig, Application)> = Vec::new();
        for provider in providers {
            match mapping.application(outpost, provider) {
                Ok(MappedApplication { application, warnings }) => {
                    findings.extend(warnings);
                    made.push((provider, application));
                }
                Err(faults) => {
                    findings.extend(faults);
                    let kept = earlier.get(&provider.pk).filter(|earlier| **earlier != provider);
                    made.extend(last_good(mapping, outpost, &provider.name, kept.copied(), &mut findings));
                }
            }
        }
        for fault in invalid {
            findings.push(fault.to_string());
            let kept = fault.pk.and_then(|pk| earlier.get(&pk)).copied();
            made.extend(last_good(mapping, outpost, fault.name.as_deref().unwrap_or("?"), kept, &mut findings));
        }
        let made = without_other_endpoints(made, &mut findings);
        let (providers, applications): (Vec<&ProxyOutpostConfig>, Vec<Application>) = made.into_iter().unzip();
        let (applications, clashes) = Applications::without_clashes(applications);
        for clash in clashes {
            let name = |index: usize| providers.get(index).map_or("?", |provider| provider.name.as_str());
            let (first, second) = (name(clash.first), name(clash.second));
            findings.push(format!(
                "provider {second:?} of authentik has the same {} as {first:?}, so it is left out; change or remove one of the two in authentik",
                clash.what
            ));
        }
        let applications = applications.with_prefixes(mapping.prefixes());
        Self { applications, providers: providers.into_iter().cloned().collect(), findings }
    }
}

/// The earlier form of a provider, if there is one that can still be used.
fn last_good<'p>(
    mapping: &dyn ApplicationMapping,
    outpost: &Outpost,
    name: &str,
    earlier: Option<&'p ProxyOutpostConfig>,
    findings: &mut Vec<String>,
) -> Option<(&'p ProxyOutpostConfig, Application)> {
    let kept = earlier.and_then(|earlier| Some((earlier, mapping.application(outpost, earlier).ok()?.application)));
    let state = if kept.is_some() { "is served as it was before" } else { "is left out" };
    findings.push(format!("provider {name:?} of authentik {state}, because of the faults above"));
    kept
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
