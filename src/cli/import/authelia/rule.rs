//! The rules of Authelia's access control as they are read from its file. What cannot be read makes a rule that could match anything,
//! and allows nothing.

use regex::Regex;

use super::region::{Extent, Region};
use crate::cli::import::node::Placed;
use crate::cli::import::pattern::ported;
use crate::cli::import::report::{Place, Report};

/// The policy of a rule; of two, the later one is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Policy {
    Bypass,
    OneFactor,
    TwoFactor,
    Deny,
}

/// A condition on the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    User(String),
    Group(String),
}

/// One rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) place: Place,
    pub(super) policy: Policy,
    hosts: Vec<HostPattern>,
    /// One of them has to match; without any, every request does.
    pub(super) extents: Vec<Extent>,
    /// Of these lists one has to match, with all its members; without any, every user does.
    pub(super) subjects: Vec<Vec<Subject>>,
    /// In upper case; without any, all.
    pub(super) methods: Vec<String>,
    /// Whether it has a condition that no rule of Gatepost can state; then it allows nothing here.
    pub(super) is_partial: bool,
}

#[derive(Clone, Debug)]
enum HostPattern {
    Exact(String),
    /// With a dot at its beginning.
    Below(String),
    Matching(Regex),
    /// It depends on the user, or is not known.
    Perhaps,
}

/// Whether a rule is about a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concerns {
    No,
    Perhaps,
    Yes,
}

impl Policy {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "bypass" => Self::Bypass,
            "one_factor" => Self::OneFactor,
            "two_factor" => Self::TwoFactor,
            "deny" => Self::Deny,
            _ => return None,
        })
    }
}

impl Rule {
    /// The rule for requests that no other rule matches.
    pub(super) fn default(place: Place, policy: Policy) -> Self {
        Self {
            place,
            policy,
            hosts: vec![HostPattern::Below(String::new())],
            extents: Vec::new(),
            subjects: Vec::new(),
            methods: Vec::new(),
            is_partial: false,
        }
    }

    pub(super) fn read(written: &Placed<'_>, report: &mut Report) -> Self {
        let mut rule =
            Self { is_partial: false, hosts: Vec::new(), ..Self::default(written.place.clone(), Policy::Deny) };
        let Some(entries) = written.entries() else { return rule.unreadable(&written.place, report) };
        for (key, value) in entries {
            if value.is_null() {
                continue;
            }
            let is_read = match key {
                "policy" => value.text().and_then(Policy::parse).map(|policy| rule.policy = policy).is_some(),
                "domain" => value.texts().map(|list| rule.hosts.extend(list.into_iter().map(HostPattern::of))).is_some(),
                "domain_regex" => {
                    value.texts().map(|list| rule.hosts.extend(list.into_iter().map(HostPattern::of_regex))).is_some()
                }
                "resources" => value.texts().map(|list| rule.extents.extend(list.into_iter().map(Extent::of))).is_some(),
                "methods" => {
                    value.texts().map(|list| rule.methods.extend(list.iter().map(|text| text.to_ascii_uppercase()))).is_some()
                }
                "subject" => rule.read_subjects(&value, report),
                "networks" => rule.partial(&value.place, "addresses of clients", "write `networks`, once you know that Gatepost sees the client's own address (docs/applications.md, Addresses)", report),
                "query" => rule.partial(&value.place, "parameters of the query", "let the application decide", report),
                _ => false,
            };
            if !is_read {
                return rule.unreadable(&value.place, report);
            }
        }
        rule
    }

    /// A list of alternatives, each of which is a text or a list of texts that must all match.
    fn read_subjects(&mut self, value: &Placed<'_>, report: &mut Report) -> bool {
        for alternative in value.one_or_more() {
            let Some(texts) = alternative.texts() else { return false };
            let subjects: Option<Vec<Subject>> = texts.iter().map(|text| Subject::parse(text)).collect();
            match subjects {
                Some(subjects) if !subjects.is_empty() => self.subjects.push(subjects),
                Some(_) => return false,
                None => {
                    let problem = format!("{texts:?} is no user and no group, and lets nobody in");
                    report.remains(
                        &alternative.place,
                        problem,
                        "write `bearer` and a rule for the credentials of programs",
                    );
                }
            }
        }
        // Without a subject that is left, the rule would be for everybody.
        self.is_partial |= self.subjects.is_empty();
        true
    }

    fn partial(&mut self, place: &Place, condition: &str, help: &str, report: &mut Report) -> bool {
        self.is_partial = true;
        report.remains(place, format!("the rule depends on {condition}, and allows nothing here"), help);
        true
    }

    /// A rule that could match anything and could deny it.
    fn unreadable(self, place: &Place, report: &mut Report) -> Self {
        let problem = "the rule cannot be read, so no later rule allows anything";
        report.remains(place, problem, "correct it, or write rules in place of it and of those behind it");
        let extents = vec![Extent { inner: None, outer: Region::everything() }];
        Self { policy: Policy::Deny, hosts: vec![HostPattern::Perhaps], extents, is_partial: true, ..self }
    }

    pub(super) fn concerns(&self, host: &str) -> Concerns {
        // A rule without hosts matches every host.
        let each = self.hosts.iter().map(|pattern| pattern.concerns(host));
        each.max_by_key(|concerns| *concerns as u8).unwrap_or(Concerns::Yes)
    }

    /// The hosts that it names.
    pub(super) fn named_hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts
            .iter()
            .filter_map(|host| if let HostPattern::Exact(name) = host { Some(name.as_str()) } else { None })
    }

    /// The patterns of hosts that it does not name.
    pub(super) fn has_open_hosts(&self) -> bool {
        self.hosts.iter().any(|host| !matches!(host, HostPattern::Exact(_)))
    }

    /// Whether it would allow something, but only for requests that no path stands for.
    pub(super) fn allows_nothing(&self) -> bool {
        self.policy != Policy::Deny && !self.is_partial && self.inner().len() < self.extents.len()
    }

    /// All regions outside of which it matches nothing.
    pub(super) fn outer(&self) -> Vec<Region> {
        if self.extents.is_empty() {
            return vec![Region::everything()];
        }
        self.extents.iter().map(|extent| extent.outer.clone()).collect()
    }

    /// The regions that it matches as a whole, apart from its conditions on user and method.
    pub(super) fn inner(&self) -> Vec<Region> {
        if self.extents.is_empty() {
            return vec![Region::everything()];
        }
        self.extents.iter().filter_map(|extent| extent.inner.clone()).collect()
    }
}

impl HostPattern {
    fn of(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let below = text.strip_prefix('*').filter(|below| below.starts_with('.'));
        // A placeholder of the user's name, a template or a variable: which hosts it means is not known here.
        let is_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '-' | '_' | ':');
        if !below.unwrap_or(&text).chars().all(is_name) {
            return Self::Perhaps;
        }
        below.map_or_else(|| Self::Exact(text.clone()), |below| Self::Below(below.to_owned()))
    }

    fn of_regex(text: &str) -> Self {
        // What was rewritten may match fewer texts, which would open what a rule denies. A named group compares with the user.
        let same = ported(text).ok().filter(|pattern| pattern == text);
        let compiled = same.and_then(|pattern| Regex::new(&pattern).ok());
        let unnamed = compiled.filter(|pattern| pattern.capture_names().flatten().next().is_none());
        unnamed.map_or(Self::Perhaps, Self::Matching)
    }

    fn concerns(&self, host: &str) -> Concerns {
        let is_met = match self {
            Self::Exact(name) => host == name,
            Self::Below(suffix) => host.ends_with(suffix.as_str()),
            Self::Matching(pattern) => pattern.is_match(host),
            Self::Perhaps => return Concerns::Perhaps,
        };
        if is_met { Concerns::Yes } else { Concerns::No }
    }
}

impl Subject {
    fn parse(text: &str) -> Option<Self> {
        let group = text.strip_prefix("group:").map(|name| Self::Group(name.to_owned()));
        group.or_else(|| text.strip_prefix("user:").map(|name| Self::User(name.to_owned())))
    }
}
