//! Where the value of an identity header comes from.

use std::borrow::Cow;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::value::{self, Separator};
use crate::domain::oidc::claims::{ClaimPath, Claims};
use crate::domain::oidc::user::User;
use crate::domain::policy::identity::Identity;
use crate::domain::session::SessionRecord;

/// Facts of the outpost that go into the `meta` headers.
#[derive(Clone, Copy, Debug)]
pub struct OutpostFacts<'a> {
    /// The outpost's name.
    pub name: &'a str,
    /// Where the application's provider publishes its keys, if known.
    pub jwks_uri: Option<&'a str>,
}

/// Facts of the application that go into the `meta` headers, and whether it is sent the token.
#[derive(Clone, Copy, Debug)]
pub struct ApplicationFacts<'a> {
    /// Its short name.
    pub slug: &'a str,
    /// The name of its provider.
    pub provider_name: &'a str,
    /// Whether `X-authentik-jwt` and `X-authentik-meta-jwks` are sent.
    pub jwt_headers: bool,
}

/// What is known about a user. It proves nothing: only an [`Identity`] lets a request through.
#[derive(Clone, Copy, Debug)]
pub struct UserFacts<'a> {
    /// Issuer and subject.
    pub user: &'a User,
    /// What the provider says about the user.
    pub claims: &'a Claims,
    /// The token that `X-authentik-jwt` shows.
    pub token: Option<&'a SecretString>,
}

impl<'a> From<&'a Identity> for UserFacts<'a> {
    fn from(identity: &'a Identity) -> Self {
        Self { user: identity.user(), claims: identity.claims(), token: identity.token() }
    }
}

/// Of a session that has just begun.
impl<'a> From<&'a SessionRecord> for UserFacts<'a> {
    fn from(record: &'a SessionRecord) -> Self {
        Self { user: &record.user, claims: &record.claims, token: record.access_token.as_ref() }
    }
}

/// Everything that identity headers may tell.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// About whom.
    pub about: UserFacts<'a>,
    /// Who is told.
    pub application: ApplicationFacts<'a>,
    /// Who tells.
    pub outpost: OutpostFacts<'a>,
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A claim that is a text by its definition; anything else is none.
    Text(ClaimPath),
    /// A claim that is a list of texts by its definition, joined as authentik does; anything else is none.
    List(ClaimPath),
    /// A claim of any kind.
    Any(ClaimPath, Separator),
    /// Always the same.
    Constant(Cow<'static, str>),
    /// The user's identifier at the provider.
    Subject,
    /// The token, where the application gets it.
    Token,
    /// Where the provider publishes its keys, where the application gets the token.
    Keys,
    /// The outpost's name.
    Outpost,
    /// The provider's name.
    Provider,
    /// The application's short name.
    Application,
}

impl Source {
    /// The value; `None` when there is none, or when it would not arrive as it is.
    pub(super) fn value<'a>(&'a self, facts: &Facts<'a>) -> Option<Cow<'a, str>> {
        let Facts { about: UserFacts { user, claims, token }, application, outpost } = *facts;
        let value = match self {
            Self::Text(path) => Cow::Borrowed(path.find(claims)?.as_str()?),
            Self::List(path) => Cow::Owned(texts(path.find(claims)?)?),
            Self::Any(path, separator) => value::text(path.find(claims)?, *separator)?,
            Self::Constant(text) => Cow::Borrowed(text.as_ref()),
            Self::Subject => Cow::Borrowed(user.subject.as_str()),
            Self::Token => Cow::Borrowed(token.filter(|_| application.jwt_headers)?.expose_secret()),
            Self::Keys => Cow::Borrowed(outpost.jwks_uri.filter(|_| application.jwt_headers)?),
            Self::Outpost => Cow::Borrowed(outpost.name),
            Self::Provider => Cow::Borrowed(application.provider_name),
            Self::Application => Cow::Borrowed(application.slug),
        };
        value::is_legal(&value).then_some(value)
    }
}

fn texts(value: &Value) -> Option<String> {
    let texts = value.as_array()?.iter().filter_map(Value::as_str).map(Cow::Borrowed);
    Some(value::joined(texts, Separator::BAR))
}
