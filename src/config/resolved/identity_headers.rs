//! The identity headers of an application.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::duration;
use crate::config::raw::{self, Application, ClaimHeader, IdentityHeaderLimits};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::config::value::HeaderSets;
use crate::domain::http::ExternalHost;
use crate::domain::oidc::claims::{ClaimPath, GroupsClaim};
use crate::domain::policy::identity_headers::{
    AdditionalHeaders, Assertion, BasicAuth, Budget, HeaderName, HeaderPlan, HeaderSet, HeaderSettings, NameFault,
    OwnHeader, OwnValue, REGISTERED_CLAIMS, Separator, is_legal,
};

/// Shorter ones end while a request is under way, longer ones outlive the session for too long.
const ASSERTION_LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(3600);

/// The limits on all identity headers of a user together.
pub(super) const fn budget(written: &IdentityHeaderLimits) -> Budget {
    Budget { max_bytes: written.max_size.value.0 as usize, max_count: written.max_count.value.0 as usize }
}

/// The compiled plan of an application's identity headers.
pub(super) fn identity_headers(
    written: &Application,
    external: Option<&ExternalHost>,
    groups: Option<&GroupsClaim>,
    budget: Budget,
    reader: &mut Reader<'_>,
) -> Option<HeaderPlan> {
    let sets = sets(&written.headers, reader);
    if let Some(sets) = &sets {
        warrant_meta_headers(written, sets, reader);
    }
    let (mut own, mut own_is_sound) = own_headers(written, reader);
    match &written.assertion {
        Setting::Absent => {}
        Setting::Faulty => own_is_sound = false,
        Setting::Given(assertion) => match asserted(assertion, written, &own, external, groups, reader) {
            Some(header) => own.push(header),
            None => own_is_sound = false,
        },
    }
    let basic = basic(written, reader);
    // Computed before `names`, because the names must not be ones that Gatepost owns already.
    let others = HeaderSettings {
        sets: sets.clone().unwrap_or_default(),
        own: own.clone(),
        additional: None,
        ..HeaderSettings::default()
    };
    let additional = additional(&written.additional_headers.value, &HeaderPlan::new(others), reader);
    let groups = groups?.clone();
    let settings = HeaderSettings { sets: sets?, groups, own, additional: additional?, basic: basic?, budget };
    own_is_sound.then(|| HeaderPlan::new(settings))
}

fn sets(written: &Spanned<HeaderSets>, reader: &mut Reader<'_>) -> Option<Vec<HeaderSet>> {
    let mut sets = Vec::new();
    let mut sound = true;
    for Spanned { location, value } in &written.value.0 {
        if sets.contains(value) {
            reader.fault(location, "the set is listed twice", "keep one of them");
            sound = false;
        }
        sets.push(*value);
    }
    sound.then_some(sets)
}

/// Keys that have an effect only with authentik's header set are a fault without it.
fn warrant_meta_headers(written: &Application, sets: &[HeaderSet], reader: &mut Reader<'_>) {
    if sets.contains(&HeaderSet::Authentik) {
        return;
    }
    let jwt = written.jwt_headers.value.then_some(&written.jwt_headers.location);
    let provider = written.provider_name.given().map(|name| &name.location);
    for location in jwt.into_iter().chain(provider) {
        reader.fault(location, "it has no effect without the header set `authentik`", "add `authentik` to `headers`");
    }
}

/// The usable items, and whether these are all items.
fn own_headers(written: &Application, reader: &mut Reader<'_>) -> (Vec<OwnHeader>, bool) {
    let list = &written.claim_headers.value;
    let mut own: Vec<OwnHeader> = Vec::new();
    let mut sound = true;
    for item in list {
        let name =
            item.value.header.given().and_then(|header| own_name(header, HeaderName::parse, written, &own, reader));
        let value = own_value(item, reader);
        match (name, value) {
            (Some(name), Some(value)) => own.push(OwnHeader { name, value }),
            _ => sound = false,
        }
    }
    (own, sound)
}

fn own_name(
    header: &Spanned<String>,
    parse: fn(&str) -> Result<HeaderName, NameFault>,
    written: &Application,
    earlier: &[OwnHeader],
    reader: &mut Reader<'_>,
) -> Option<HeaderName> {
    let Spanned { location, value } = header;
    let name =
        parse(value).map_err(|fault| reader.fault(location, fault.to_string(), "write a name like X-Team")).ok()?;
    if let Some(other) = earlier.iter().find(|other| other.name.looks_like(&name)) {
        let problem = format!("an application could read it as `{}`, which is listed above", other.name);
        reader.fault(location, problem, "keep one of the two");
        return None;
    }
    if name.as_str() == "authorization" && written.basic_auth_enabled.value {
        let problem = "`basic_auth_enabled` sets the same header";
        reader.fault(location, problem, "remove it, or remove `basic_auth_enabled`");
        return None;
    }
    Some(name)
}

/// The header with an assertion.
fn asserted(
    Spanned { value: assertion, .. }: &Spanned<raw::Assertion>,
    written: &Application,
    earlier: &[OwnHeader],
    external: Option<&ExternalHost>,
    groups: Option<&GroupsClaim>,
    reader: &mut Reader<'_>,
) -> Option<OwnHeader> {
    let name = own_name(&assertion.header, HeaderName::parse_for_assertion, written, earlier, reader);
    let mut is_sound = true;
    let lifetime = assertion.lifetime.value.0;
    if !ASSERTION_LIFETIMES.contains(&lifetime) {
        let problem = format!("an assertion cannot be valid for {}", duration::written(lifetime));
        reader.fault(&assertion.lifetime.location, problem, "write a duration from 1m to 1h");
        is_sound = false;
    }
    for Spanned { location, value } in &assertion.claims.value {
        if REGISTERED_CLAIMS.contains(&value.as_str()) {
            reader.fault(location, "every assertion has this claim, or none may have it", "remove it");
            is_sound = false;
        }
    }
    let (name, external, groups) = (name?, external?, groups?.clone());
    let issuer = external.join("");
    let assertion = Assertion {
        audience: assertion.audience.given().map_or_else(|| issuer.clone(), |audience| audience.value.clone()),
        issuer,
        lifetime,
        claims: assertion.claims.value.iter().map(|claim| claim.value.clone()).collect(),
        groups,
    };
    is_sound.then_some(OwnHeader { name, value: OwnValue::Assertion(assertion) })
}

/// The value of a header: exactly one of its three sources.
fn own_value(item: &Spanned<ClaimHeader>, reader: &mut Reader<'_>) -> Option<OwnValue> {
    let ClaimHeader { claim, text, token, separator: written_separator, .. } = &item.value;
    if [claim, text].iter().any(|source| matches!(source, Setting::Faulty)) || matches!(token, Setting::Faulty) {
        return None;
    }
    let of_claim = claim.given().map(|claim| (&claim.location, "claim"));
    let of_text = text.given().map(|text| (&text.location, "text"));
    let of_token = token.given().map(|token| (&token.location, "token"));
    let given: Vec<_> = [of_claim, of_text, of_token].into_iter().flatten().collect();
    match given.as_slice() {
        [] => {
            let help = "add `claim`, `token`, or `text` for a constant value";
            reader.fault(&item.location, "it has no value", help);
            return None;
        }
        [(_, earlier), (location, _), ..] => {
            reader.fault(location, format!("`{earlier}` is set, too"), "keep one of the two");
            return None;
        }
        [_] => {}
    }
    if let (Setting::Given(separator), None) = (written_separator, claim.given()) {
        let problem = if of_text.is_some() {
            "a separator has no effect on a constant text"
        } else {
            "a separator has no effect on a token"
        };
        reader.fault(&separator.location, problem, "remove it");
        return None;
    }
    if let Some(token) = token.given() {
        return Some(OwnValue::Token(token.value));
    }
    if let Some(text) = text.given() {
        if !is_legal(&text.value) {
            let problem =
                "it contains a control character, or a blank at its beginning or end, which a header cannot carry";
            reader.fault(&text.location, problem, "write it on one line, without blanks around it");
            return None;
        }
        return Some(OwnValue::Text(text.value.clone()));
    }
    let path = claim_path(claim.given()?, reader);
    let separator = separator(written_separator, reader);
    Some(OwnValue::Claim(path?, separator?))
}

fn separator(written: &Setting<String>, reader: &mut Reader<'_>) -> Option<Separator> {
    match written {
        Setting::Absent => Some(Separator::BAR),
        Setting::Faulty => None,
        Setting::Given(Spanned { location, value }) => {
            let help = "write a single character, such as \",\" or \";\"";
            Separator::parse(value).map_err(|fault| reader.fault(location, fault.to_string(), help)).ok()
        }
    }
}

/// The claim with the user's groups.
pub(super) fn groups_claim(written: &Application, reader: &mut Reader<'_>) -> Option<GroupsClaim> {
    let raw::GroupsClaim { path, text } = &written.groups_claim.value;
    let accepts_text = text.value == raw::TextOfGroups::List;
    claim_path(path, reader).map(|path| GroupsClaim { path, accepts_text })
}

fn claim_path(written: &Spanned<String>, reader: &mut Reader<'_>) -> Option<ClaimPath> {
    let help = "write it like `team.name`, or `/team/name`";
    let parsed = ClaimPath::parse(&written.value);
    parsed.map_err(|fault| reader.fault(&written.location, fault.to_string(), help)).ok()
}

/// `Some(None)` when they are switched off.
#[expect(clippy::option_option, reason = "the outer one says whether there was a complaint, as everywhere here")]
fn additional(
    written: &raw::AdditionalHeaders,
    others: &HeaderPlan,
    reader: &mut Reader<'_>,
) -> Option<Option<AdditionalHeaders>> {
    let claim = match &written.claim {
        Setting::Absent => Some(AdditionalHeaders::authentik().claim),
        Setting::Faulty => None,
        Setting::Given(path) => claim_path(path, reader),
    };
    let names = known_names(&written.names.value, others, reader);
    if written.enabled.value {
        return Some(Some(AdditionalHeaders { claim: claim?, names: names? }));
    }
    let claim = written.claim.given().map(|claim| &claim.location);
    let names = (!written.names.value.is_empty()).then_some(&written.names.location);
    let mut sound = true;
    for location in claim.into_iter().chain(names) {
        reader.fault(location, "it has no effect with `enabled: false`", "remove it, or `enabled: false`");
        sound = false;
    }
    sound.then_some(None)
}

fn known_names(written: &[Spanned<String>], others: &HeaderPlan, reader: &mut Reader<'_>) -> Option<Vec<HeaderName>> {
    let mut names: Vec<HeaderName> = Vec::new();
    let mut sound = true;
    for Spanned { location, value } in written {
        let problem = match HeaderName::parse_from_claims(value) {
            Ok(name) if others.owns(&name) => {
                "it is the name of an identity header, or could be read as one".to_owned()
            }
            Ok(name) if names.iter().any(|other| other.looks_like(&name)) => {
                "an application could read it as a name that is listed above".to_owned()
            }
            Ok(name) => {
                names.push(name);
                continue;
            }
            Err(fault) => fault.to_string(),
        };
        reader.fault(location, problem, "remove it; such a header is never set");
        sound = false;
    }
    sound.then_some(names)
}

/// `Some(None)` when it is switched off.
#[expect(clippy::option_option, reason = "the outer one says whether there was a complaint, as everywhere here")]
fn basic(written: &Application, reader: &mut Reader<'_>) -> Option<Option<BasicAuth>> {
    let (user, password) = (&written.basic_auth_user_attribute, &written.basic_auth_password_attribute);
    if !written.basic_auth_enabled.value {
        let mut sound = true;
        for attribute in [user, password].into_iter().filter_map(Setting::given) {
            let help = "add `basic_auth_enabled: true`, or remove it";
            reader.fault(&attribute.location, "it has no effect without `basic_auth_enabled`", help);
            sound = false;
        }
        return sound.then_some(None);
    }
    if password.is_absent() {
        let help = "add `basic_auth_password_attribute`";
        reader.fault(&written.basic_auth_enabled.location, "it requires an attribute for the password", help);
    }
    let user_attribute = user.given().map(|attribute| attribute.value.clone());
    Some(Some(BasicAuth { user_attribute, password_attribute: password.given()?.value.clone() }))
}
