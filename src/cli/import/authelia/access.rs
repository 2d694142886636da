//! From Authelia's rules, of which the first that matches decides, to Gatepost's, of which those with the longest path decide.
//!
//! For each region of paths that some rule is about, the rules are gone through in their order. A rule allows there if it matches the
//! whole region and no earlier rule could deny: one that denies, or that is not understood, ends the search. A rule that asks for two
//! factors makes later ones ask for two, because Authelia would have applied the first one.

use std::collections::BTreeSet;

use super::region::Region;
use super::rule::{Concerns, Policy, Rule, Subject};
use crate::cli::import::application::{ImportedApplication, closed_rule};
use crate::cli::import::report::Report;
use crate::cli::yaml::{Section, Value};

/// One rule of Gatepost, without its paths.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    subjects: Vec<Vec<Subject>>,
    methods: Vec<String>,
    has_two_factors: bool,
}

/// What holds in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decision {
    grants: Vec<Grant>,
    is_public: bool,
}

/// Fills in the access rules of the application at `host`.
pub(super) fn translate(rules: &[Rule], host: &str, application: &mut ImportedApplication, report: &mut Report) {
    let rules: Vec<(&Rule, Concerns)> = rules
        .iter()
        .map(|rule| (rule, rule.concerns(host)))
        .filter(|(_, concerns)| *concerns != Concerns::No)
        .collect();
    application.pass_preflight = passes_preflight(&rules);
    let mut regions: BTreeSet<Region> = BTreeSet::from([Region::everything()]);
    for (rule, _) in &rules {
        regions.extend(rule.inner());
        regions.extend(rule.outer());
    }
    let decided: Vec<(Region, Decision)> =
        regions.into_iter().map(|region| (region.clone(), decide(&rules, &region, host, report))).collect();
    let is_public = |region: &Region, decision: &Decision| {
        let all_below = decided.iter().filter(|(below, _)| region.holds(below)).all(|(_, decision)| decision.is_public);
        decision.is_public && all_below
    };
    for (region, decision) in &decided {
        let around =
            decided.iter().filter(|(other, _)| other.path().len() < region.path().len() && other.holds(region));
        let nearest = around.max_by_key(|(other, _)| other.path().len());
        if is_public(region, decision) && !nearest.is_some_and(|(region, decision)| is_public(region, decision)) {
            let end = if region.path().is_empty() { "/" } else { "(/|$)" };
            application.public.push(format!("^{}{end}", regex::escape(region.path())));
        }
        if nearest.is_none_or(|(_, other)| other.grants != decision.grants) {
            application.rules.extend(written(region, &decision.grants));
        }
    }
    let lets_in = decided.iter().any(|(_, decision)| !decision.grants.is_empty());
    if !lets_in {
        application.close("no rule lets anybody in");
    }
}

fn decide(rules: &[(&Rule, Concerns)], region: &Region, host: &str, report: &mut Report) -> Decision {
    let mut decision = Decision { grants: Vec::new(), is_public: false };
    let (mut has_two_factors, mut asks) = (false, false);
    for (rule, concerns) in rules {
        if !rule.outer().iter().any(|outer| outer.holds(region)) {
            continue;
        }
        let is_whole =
            *concerns == Concerns::Yes && rule.inner().iter().any(|inner| inner.covers(region)) && !rule.is_partial;
        let is_for_all = rule.subjects.is_empty() && rule.methods.is_empty();
        if rule.policy == Policy::Deny {
            if !(is_whole && is_for_all) {
                let problem = format!(
                    "the rule denies some requests for {host}; no later rule allows anything where it could match"
                );
                report.remains(&rule.place, problem, "write rules for the other requests, or users, in its place");
            }
            return decision;
        }
        has_two_factors |= rule.policy == Policy::TwoFactor;
        if !is_whole {
            asks |= rule.policy != Policy::Bypass;
            continue;
        }
        if rule.policy == Policy::Bypass && !is_for_all {
            if !is_preflight(rule) {
                let problem = "requests pass without a sign-in by their path only, not by their method or by the user";
                report.remains(
                    &rule.place,
                    problem,
                    "write `skip_path_regex`, if other requests for this path may pass, too",
                );
            }
            continue;
        }
        decision.is_public = rule.policy == Policy::Bypass && !asks;
        if rule.policy == Policy::Bypass && asks {
            let problem = "an earlier rule asks some users to sign in, so this one lets signed-in users pass only";
            report.remains(&rule.place, problem, "write `skip_path_regex`, if these requests need no sign-in");
        }
        asks = true;
        let (subjects, methods) = (rule.subjects.clone(), rule.methods.clone());
        decision.grants.push(Grant { subjects, methods, has_two_factors });
        if is_for_all {
            return decision;
        }
    }
    decision
}

/// Whether `OPTIONS` passes without a sign-in before any other rule.
fn passes_preflight(rules: &[(&Rule, Concerns)]) -> bool {
    let before = rules.iter().take_while(|(rule, _)| rule.policy == Policy::Bypass);
    before.into_iter().any(|(rule, concerns)| {
        *concerns == Concerns::Yes && is_preflight(rule) && rule.inner().iter().any(Region::is_everything)
    })
}

fn is_preflight(rule: &Rule) -> bool {
    rule.policy == Policy::Bypass && rule.methods == ["OPTIONS"] && rule.subjects.is_empty() && !rule.is_partial
}

/// The rules for a region; one that matches nobody, if there is none.
fn written(region: &Region, grants: &[Grant]) -> Vec<Section> {
    let mut rules: Vec<Section> = grants.iter().flat_map(|grant| grant.written(region)).collect();
    if rules.is_empty() {
        rules.push(with_path(region, closed_rule()));
    }
    rules
}

fn with_path(region: &Region, conditions: Section) -> Section {
    if region.is_everything() {
        return conditions;
    }
    let mut rule = Section::of("paths", [region.path()].into_iter().collect::<Value>());
    rule.append(conditions);
    rule
}

impl Grant {
    /// A rule for each alternative; single groups, and single users, are one alternative.
    fn written(&self, region: &Region) -> Vec<Section> {
        let single = |subjects: &[Subject]| if let [subject] = subjects { Some(subject.clone()) } else { None };
        let singles: Vec<Subject> = self.subjects.iter().filter_map(|subjects| single(subjects)).collect();
        let group = |subject: &Subject| if let Subject::Group(name) = subject { Some(name.clone()) } else { None };
        let groups: Vec<String> = singles.iter().filter_map(group).collect();
        let user = |subject: &Subject| if let Subject::User(name) = subject { Some(name.clone()) } else { None };
        let users: Vec<String> = singles.iter().filter_map(user).collect();
        let mut alternatives = Vec::new();
        if !groups.is_empty() {
            alternatives.push((Section::of("groups", groups.into_iter().collect::<Value>()), Vec::new()));
        }
        if !users.is_empty() {
            alternatives.push((Section::default(), vec![claim("preferred_username", users)]));
        }
        for all in self.subjects.iter().filter(|subjects| subjects.len() > 1) {
            let conditions = all.iter().map(|subject| match subject {
                Subject::User(name) => claim("preferred_username", vec![name.clone()]),
                Subject::Group(name) => claim("groups", vec![name.clone()]),
            });
            alternatives.push((Section::default(), conditions.collect()));
        }
        if self.subjects.is_empty() {
            let anyone = if self.has_two_factors { Section::default() } else { Section::of("anyone", true) };
            alternatives.push((anyone, Vec::new()));
        }
        let rules = alternatives.into_iter().map(|(conditions, claims)| self.rule(region, conditions, claims));
        rules.collect()
    }

    fn rule(&self, region: &Region, mut conditions: Section, mut claims: Vec<Section>) -> Section {
        if self.has_two_factors {
            // RFC 8176 section 2.
            claims.push(claim("amr", vec!["mfa".to_owned()]));
        }
        if !claims.is_empty() {
            conditions.set("claims", claims.into_iter().collect::<Value>());
        }
        if !self.methods.is_empty() {
            conditions.set("methods", self.methods.iter().map(String::as_str).collect::<Value>());
        }
        with_path(region, conditions)
    }
}

fn claim(name: &str, values: Vec<String>) -> Section {
    let mut condition = Section::of("claim", name);
    condition.set("values", values.into_iter().collect::<Value>());
    condition
}
