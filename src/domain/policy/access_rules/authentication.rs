//! How and when a user has to have signed in at the provider: `acr` and `max_age` of a rule, judged by the claims `acr` and
//! `auth_time` of the verified ID Token (`OpenID` Connect Core section 2), never by what was asked for.

use std::fmt;
use std::time::Duration;

use super::unmet::{Unmet, none_of};
use crate::domain::oidc::authorization_settings::{Parameter, ParameterName, ParameterValue};
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::jwt::{LEEWAY, seconds};
use crate::domain::time::Timestamp;

/// How a user has to have signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuthenticationRequirement {
    /// Authentication context classes, of which `acr` has to be one; empty for any.
    pub acr: Vec<String>,
    /// How long ago the user may have signed in at the provider (`auth_time`).
    pub max_age: Option<Duration>,
}

/// How the user of a request is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy<'a> {
    /// By a session, at this time. Its claims about the sign-in are those of the ID Token.
    Session(Timestamp),
    /// By a credential of the provider in the request. There is no sign-in for it, so it meets no requirement.
    Credential,
    /// By a token of this issuer, which is not the provider, in the request. It meets no requirement on a sign-in either.
    ForeignIssuer(&'a str),
}

impl AuthenticationRequirement {
    /// Whether the sign-in of a user with these claims meets it.
    pub(super) fn is_met(&self, claims: &Claims, known_by: KnownBy<'_>) -> bool {
        self.unmet(claims, known_by).is_empty()
    }

    /// What the sign-in of a user with these claims lacks; empty exactly when it meets the requirement.
    pub(super) fn unmet(&self, claims: &Claims, known_by: KnownBy<'_>) -> Vec<Unmet> {
        let KnownBy::Session(now) = known_by else { return vec![Unmet::NotASignIn] };
        self.unmet_acr(claims).into_iter().chain(self.unmet_age(claims, now)).collect()
    }

    fn unmet_acr(&self, claims: &Claims) -> Option<Unmet> {
        let acr = claims.text("acr");
        if self.acr.is_empty() || self.acr.iter().any(|wanted| Some(wanted.as_str()) == acr) {
            return None;
        }
        Some(if claims.present("acr").is_none() { Unmet::Absent("acr".to_owned()) } else { none_of("acr", &self.acr) })
    }

    /// A time that lies in the future does not count, except for the difference between two clocks.
    fn unmet_age(&self, claims: &Claims, now: Timestamp) -> Option<Unmet> {
        let max_age = self.max_age?;
        match seconds(claims.as_object(), "auth_time") {
            Ok(Some(signed_in)) if signed_in > now.plus(LEEWAY) => Some(Unmet::SignInAhead),
            Ok(Some(signed_in)) if now.since(signed_in) > max_age => Some(Unmet::SignInTooOld(span(max_age))),
            Ok(Some(_)) => None,
            Ok(None) => Some(Unmet::NoTimeOfSignIn),
            Err(_) => Some(Unmet::WrongType {
                claim: "auth_time".to_owned(),
                found: "not a time",
                wanted: "a number of seconds",
            }),
        }
    }

    /// The parameters with which the provider is asked for such a sign-in (`OpenID` Connect Core section 3.1.2.1).
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let acr = (!self.acr.is_empty()).then(|| self.acr.join(" "));
        let acr = acr.map(|acr| Parameter { name: ParameterName::ACR_VALUES, value: ParameterValue::trusted(acr) });
        let max_age = self.max_age.map(|max_age| Parameter {
            name: ParameterName::MAX_AGE,
            value: ParameterValue::trusted(max_age.as_secs().to_string()),
        });
        acr.into_iter().chain(max_age).collect()
    }

    /// A fingerprint, by which a session remembers for what its user was asked to sign in.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let text = format!("{:?}", (&self.acr, self.max_age.map(|max_age| max_age.as_secs())));
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        digest.as_ref().first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default()
    }
}

/// Formatted as in `acr mfa or hwk, max_age 15m`.
impl fmt::Display for AuthenticationRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.acr.is_empty() {
            write!(f, "acr {}", self.acr.join(" or "))?;
        }
        match self.max_age {
            Some(max_age) if self.acr.is_empty() => write!(f, "max_age {}", span(max_age)),
            Some(max_age) => write!(f, ", max_age {}", span(max_age)),
            None => Ok(()),
        }
    }
}

/// A duration in its largest whole unit, as in `15m`.
#[must_use]
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds % 3600, seconds % 60) {
        (0, _) => format!("{}h", seconds / 3600),
        (_, 0) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}
