//! Access rules: a set that matches no user, or every user by mistake, or a condition that no request can fulfil prevents
//! the start.

use std::fmt::Display;
use std::time::Duration;

use super::forward_auth::{TooMany, networks};
use crate::config::raw::{AccessRule, Application, ClaimCondition};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::domain::http::Networks;
use crate::domain::oidc::claims::{ClaimPath, GroupsClaim};
use crate::domain::policy::{
    self, AccessRules, AuthenticationRequirement, Conditions, EmailVerified, MailAddress, MailDomain, Method,
    PathPrefix, Principals, RequirementSet, Rule,
};

type Texts = Vec<Spanned<String>>;

/// The longest name of an authentication context class: several of them are sent in one address.
const LONGEST_ACR: usize = 128;
/// A sign-in that is too old as soon as the browser is back would begin again.
const SHORTEST_MAX_AGE: Duration = Duration::from_secs(30);
const EVERY_CLIENT: TooMany = ("it contains every address", "list the networks of some clients, or remove the key");

pub(super) fn access_rules(
    written: &Application,
    groups_claim: Option<&GroupsClaim>,
    reader: &mut Reader<'_>,
) -> Option<AccessRules> {
    let made = rules(written, groups_claim, reader);
    let Spanned { location, value } = &written.email_verified;
    let reads_mail = |rules: &AccessRules| rules.iter().any(|(_, rule)| rule.principals.reads_mail());
    if *value == EmailVerified::Assumed && made.as_ref().is_some_and(|rules| !reads_mail(rules)) {
        let problem = "no rule names `emails` or `email_domains`, so it has no effect";
        reader.warn(location, problem, "add such a rule, or remove it");
    }
    made
}

fn rules(written: &Application, groups_claim: Option<&GroupsClaim>, reader: &mut Reader<'_>) -> Option<AccessRules> {
    let email_verified = written.email_verified.value;
    let list = match &written.allow {
        Setting::Absent => return Some(AccessRules::default()),
        Setting::Faulty => return None,
        Setting::Given(list) => list,
    };
    let made: Vec<Option<Rule>> =
        list.value.iter().map(|written| rule(written, email_verified, groups_claim, reader)).collect();
    let rules = AccessRules::new(made.into_iter().collect::<Option<_>>()?);
    match &rules {
        None => {
            let help = "write a rule, such as `- anyone: true`, or remove the key";
            reader.fault(&list.location, "the list is empty, which would deny every user", help);
        }
        Some(rules) if rules.different_sign_ins() > RequirementSet::MOST => {
            let problem =
                format!("the rules have more than {} different pairs of `acr` and `max_age`", RequirementSet::MOST);
            reader.fault(&list.location, problem, "use fewer different ones");
            return None;
        }
        Some(rules) if rules.leaves_gaps() => {
            let problem = "no rule covers the other paths, so they are denied to every user";
            reader.warn(&list.location, problem, "add a rule without `paths`, unless this is intended");
        }
        Some(_) => {}
    }
    rules
}

fn rule(
    Spanned { location, value }: &Spanned<AccessRule>,
    email_verified: EmailVerified,
    groups_claim: Option<&GroupsClaim>,
    reader: &mut Reader<'_>,
) -> Option<Rule> {
    // Each key is read before the first `?`, so that no diagnostic hides another.
    let groups = each(&value.groups, reader, "name a group", |text| Ok::<_, &str>(text.to_owned()));
    let emails = each(&value.emails, reader, "write it like alice@example.com", MailAddress::parse);
    let domains = each(&value.email_domains, reader, "write it like example.com", MailDomain::parse);
    let claims = claims(&value.claims, reader);
    let paths = each(&value.paths, reader, "write it like /admin", PathPrefix::parse);
    let methods = each(&value.methods, reader, "write it like GET", Method::parse);
    let networks = items(&value.networks, reader).and_then(|list| networks(list, EVERY_CLIENT, reader));
    let issuers =
        each(&value.issuers, reader, "name an issuer of `bearer.issuers`", |text| Ok::<_, &str>(text.to_owned()));
    let authentication = authentication(value, reader);
    if let (Some(issuers), Some(asked)) = (value.issuers.given(), &authentication)
        && *asked != AuthenticationRequirement::default()
    {
        let problem = "no token of these issuers fulfils `acr` or `max_age`, because there is no sign-in for it";
        reader.fault(&issuers.location, problem, "remove `acr` and `max_age`, or `issuers`");
        return None;
    }
    let conditions = Conditions {
        groups: groups?,
        groups_claim: groups_claim?.clone(),
        emails: emails?,
        email_domains: domains?,
        email_verified,
        claims: claims?,
    };
    let principals = match (value.anyone.value, Principals::matching(conditions)) {
        (false, Some(those)) => those,
        (true, None) => Principals::Any,
        (true, Some(_)) => {
            let problem = "`anyone` matches every signed-in user, so the rule's other conditions have no effect";
            reader.fault(&value.anyone.location, problem, "remove `anyone`, or those conditions");
            return None;
        }
        (false, None) => {
            let help = "add `groups`, `emails`, `email_domains` or `claims`, or `anyone: true`";
            reader.fault(location, "the rule has no condition on the user", help);
            return None;
        }
    };
    let authentication = Some(authentication?).filter(|asked| *asked != AuthenticationRequirement::default());
    Some(Rule {
        paths: paths?,
        methods: methods?,
        networks: Networks::new(networks?),
        issuers: issuers?,
        principals,
        authentication,
    })
}

/// Parses every item of a list; a key that is not written has no items.
fn each<T, E: Display>(
    written: &Setting<Texts>,
    reader: &mut Reader<'_>,
    help: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<Vec<T>> {
    let items = items(written, reader)?;
    let made = items.iter().map(|Spanned { location, value }| {
        let parsed = parse(value);
        parsed.map_err(|fault| reader.fault(location, fault.to_string(), help)).ok()
    });
    made.collect::<Vec<_>>().into_iter().collect()
}

/// How the users of a rule have to have signed in; nothing is required where the rule does not ask.
fn authentication(written: &AccessRule, reader: &mut Reader<'_>) -> Option<AuthenticationRequirement> {
    let acr = each(&written.acr, reader, "write it as the provider names it in `acr`, without blanks", |text| {
        let is_one = (1..=LONGEST_ACR).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_one { Ok(text.to_owned()) } else { Err("an `acr` is a single word in ASCII of at most 128 characters") }
    });
    let (max_age, is_sound) = match &written.max_age {
        Setting::Absent => (None, true),
        Setting::Faulty => (None, false),
        Setting::Given(Spanned { location, value }) if value.0 < SHORTEST_MAX_AGE => {
            let problem = "it is shorter than the time that a sign-in may take";
            reader.fault(location, problem, "write at least 30s");
            (None, false)
        }
        Setting::Given(Spanned { value, .. }) => (Some(value.0), true),
    };
    Some(AuthenticationRequirement { acr: acr?, max_age }).filter(|_| is_sound)
}

/// The items of a list; a list that is written but empty is a fault, because it would match no user, or every user.
fn items<'w, T>(written: &'w Setting<Vec<Spanned<T>>>, reader: &mut Reader<'_>) -> Option<&'w [Spanned<T>]> {
    match written {
        Setting::Absent => Some(&[]),
        Setting::Faulty => None,
        Setting::Given(list) if list.value.is_empty() => {
            reader.fault(&list.location, "the list has no items", "add one, or remove the key");
            None
        }
        Setting::Given(list) => Some(&list.value),
    }
}

fn claims(
    written: &Setting<Vec<Spanned<ClaimCondition>>>,
    reader: &mut Reader<'_>,
) -> Option<Vec<policy::ClaimCondition>> {
    let items = items(written, reader)?;
    let made = items.iter().map(|Spanned { value, .. }| claim(value, reader));
    made.collect::<Vec<_>>().into_iter().collect()
}

fn claim(written: &ClaimCondition, reader: &mut Reader<'_>) -> Option<policy::ClaimCondition> {
    let values = items(&written.values, reader);
    let Spanned { location, value } = written.claim.given()?;
    let help = "write it like `team.name`, or as a JSON Pointer like `/team/name`";
    let path = ClaimPath::parse(value).map_err(|fault| reader.fault(location, fault.to_string(), help)).ok()?;
    let values = values?.iter().map(|Spanned { value, .. }| value.0.clone()).collect();
    Some(policy::ClaimCondition { path, values })
}
