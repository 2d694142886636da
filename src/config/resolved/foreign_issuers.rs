//! Issuers beside the provider: each alone, then together with the access rules that name them.

use std::sync::Arc;

use super::token_algorithms::token_algorithms;
use super::{issuer, relying_party};
use crate::config::raw::{Application, Bearer, ForeignIssuer as Written};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::config::secret_file;
use crate::domain::oidc::claims::ClaimPath;
use crate::domain::oidc::credentials::{AccessTokenRules, ClaimMapping, ForeignIssuer, KeySource};
use crate::domain::oidc::issuer::{TENANT, TrustedIssuer};
use crate::domain::oidc::jws::KeySet;
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::policy::AccessRules;

pub(super) fn foreign_issuers(bearer: &Bearer, reader: &mut Reader<'_>) -> Option<Vec<ForeignIssuer>> {
    let made: Vec<Option<ForeignIssuer>> =
        bearer.issuers.value.iter().map(|written| foreign_issuer(&written.value, reader)).collect();
    let mut named: Vec<&str> = Vec::new();
    let mut sound = true;
    for issuer in bearer.issuers.value.iter().filter_map(|written| written.value.issuer.given()) {
        if named.contains(&issuer.value.as_str()) {
            reader.fault(&issuer.location, "the issuer is listed twice", "keep one of them");
            sound = false;
        }
        named.push(&issuer.value);
    }
    let made = made.into_iter().collect::<Option<Vec<ForeignIssuer>>>()?;
    for (index, (issuer, written)) in made.iter().zip(&bearer.issuers.value).enumerate() {
        let prefix = &issuer.mapping.prefix;
        let begins = |other: &&ForeignIssuer| {
            let earlier = &other.mapping.prefix;
            other.issuer != issuer.issuer && (earlier.starts_with(prefix) || prefix.starts_with(earlier))
        };
        if let Some(other) = made.iter().take(index).find(begins) {
            let location = written.value.username_prefix.given().map_or(&written.location, |prefix| &prefix.location);
            let problem = format!(
                "the prefixes {prefix:?} and {:?} of {} begin alike, so users of both could have one name",
                other.mapping.prefix, other.issuer
            );
            reader.fault(location, problem, "give each issuer a `username_prefix` with which no other begins");
            sound = false;
        }
    }
    sound.then_some(made)
}

fn foreign_issuer(written: &Written, reader: &mut Reader<'_>) -> Option<ForeignIssuer> {
    // Each key is read before the first `?`, so that no diagnostic hides another.
    let keys = key_source(written, reader);
    let issuer = written.issuer.given().and_then(|issuer| identifier(issuer, written, reader));
    let audiences = written.audiences.given().and_then(|audiences| self::audiences(audiences, reader));
    let algorithms = token_algorithms(&written.algorithms, reader);
    let scopes = relying_party::scope_list(&written.scopes, reader);
    let username = claim_path(&written.username_claim, reader);
    let trusted = trusted_claims(&written.trusted_claims.value, reader);
    let token_type = written.token_type.given().map(|kind| kind.value).unwrap_or_default();
    let issuer = issuer?;
    let prefix = written.username_prefix.given().map(|prefix| prefix.value.clone());
    Some(ForeignIssuer {
        keys: keys?,
        rules: AccessTokenRules { audiences: audiences?, algorithms: algorithms?, token_type },
        scopes: scopes?,
        mapping: ClaimMapping {
            username: username?,
            prefix: prefix.unwrap_or_else(|| format!("{issuer}#")),
            trusted: trusted?,
        },
        issuer,
    })
}

/// The identifier. Only one from which a discovery document is fetched has to be an address.
fn identifier(issuer: &Spanned<String>, written: &Written, reader: &mut Reader<'_>) -> Option<String> {
    let Spanned { location, value } = issuer;
    let (problem, help) = if value.contains(TENANT) {
        ("an issuer here stands for itself, not for several tenants", "list the issuer of each tenant")
    } else if written.jwks_uri.is_absent() && written.jwks_file.is_absent() {
        return issuer::issuer(issuer, reader);
    } else if value.chars().any(|sign| sign.is_control() || sign.is_whitespace()) {
        ("an issuer identifier has no blanks and no control characters", "copy `iss` from one of its tokens")
    } else {
        return Some(value.clone());
    };
    reader.fault(location, problem, help);
    None
}

fn key_source(written: &Written, reader: &mut Reader<'_>) -> Option<KeySource> {
    match (&written.jwks_uri, &written.jwks_file) {
        (Setting::Faulty, _) | (_, Setting::Faulty) => None,
        (Setting::Absent, Setting::Absent) => Some(KeySource::Discovery),
        (Setting::Given(uri), Setting::Absent) => issuer::endpoint(uri, reader).map(KeySource::Uri),
        (Setting::Given(_), Setting::Given(file)) => {
            reader.fault(&file.location, "`jwks_uri` is given, too", "keep one of the two");
            None
        }
        (Setting::Absent, Setting::Given(file)) => {
            let content = secret_file::bytes(file, reader)?;
            let keys = KeySet::parse(&content).filter(|keys| !keys.is_empty());
            if keys.is_none() {
                let problem = format!("{} is not a key set with a usable public key", reader.shown(file));
                reader.fault(&file.location, problem, "put the issuer's JWKS into it: {\"keys\": […]}");
            }
            keys.map(|keys| KeySource::Given(Arc::new(keys)))
        }
    }
}

fn audiences(written: &Spanned<Vec<Spanned<String>>>, reader: &mut Reader<'_>) -> Option<Vec<String>> {
    if written.value.is_empty() {
        let problem = "without an audience, tokens issued for others would be accepted";
        reader.fault(&written.location, problem, "list the value that stands for this application in `aud`");
        return None;
    }
    Some(written.value.iter().map(|audience| audience.value.clone()).collect())
}

fn claim_path(written: &Spanned<String>, reader: &mut Reader<'_>) -> Option<ClaimPath> {
    let help = "write it like `sub` or `team.name`, or as a JSON Pointer like `/team/name`";
    ClaimPath::parse(&written.value).map_err(|fault| reader.fault(&written.location, fault.to_string(), help)).ok()
}

fn trusted_claims(written: &[Spanned<String>], reader: &mut Reader<'_>) -> Option<Vec<String>> {
    let mut sound = true;
    for Spanned { location, .. } in written.iter().filter(|it| ClaimMapping::MAPPED.contains(&it.value.as_str())) {
        let problem = "this claim is always made of `username_claim`, `sub` and `username_prefix`";
        reader.fault(location, problem, "set these keys instead");
        sound = false;
    }
    sound.then(|| written.iter().map(|claim| claim.value.clone()).collect())
}

/// Whether the application's provider is not listed, each issuer is named by an access rule, and each rule names listed issuers.
pub(super) fn agree_with_rules(
    written: &Application,
    relying_party: &RelyingParty,
    rules: &AccessRules,
    reader: &mut Reader<'_>,
) -> bool {
    let listed = written.bearer.given().map_or(&[][..], |bearer| &bearer.value.issuers.value);
    let listed: Vec<&Spanned<String>> = listed.iter().filter_map(|it| it.value.issuer.given()).collect();
    let mut agree = true;
    let mut fault = |location, problem, help| {
        reader.fault(location, problem, help);
        agree = false;
    };
    for Spanned { location, value } in &listed {
        if TrustedIssuer::from(relying_party).includes(value) {
            let problem = "it is the application's own issuer, whose tokens `verify` is about";
            fault(location, problem, "remove it from this list");
        } else if !rules.name_issuer(value) {
            let problem = "no access rule names this issuer, so each of its tokens would be refused";
            fault(
                location,
                problem,
                "add a rule to `allow` with this value in `issuers`, and with conditions on its claims",
            );
        }
    }
    let rules = written.allow.given().map_or(&[][..], |rules| &rules.value);
    for Spanned { location, value } in
        rules.iter().filter_map(|rule| rule.value.issuers.given()).flat_map(|it| &it.value)
    {
        if !listed.iter().any(|issuer| issuer.value == *value) {
            let problem = "it is not an issuer that `bearer.issuers` lists";
            fault(
                location,
                problem,
                "correct it; a rule without `issuers` is for users of the application's own provider",
            );
        }
    }
    agree
}
