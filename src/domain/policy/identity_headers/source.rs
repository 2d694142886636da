//! The sources of the values of identity headers.

use std::borrow::Cow;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::assertion::{Assertion, Signer};
use super::value::{self, Separator};
use crate::domain::oidc::claims::{ClaimPath, Claims, GroupsClaim};
use crate::domain::oidc::user::User;
use crate::domain::policy::identity::Identity;
use crate::domain::session::SessionRecord;

/// The facts about the outpost in the `meta` headers.
#[derive(Clone, Copy, Debug)]
pub struct OutpostFacts<'a> {
    /// The outpost's name.
    pub name: &'a str,
    /// The address of the provider's key set, if known.
    pub jwks_uri: Option<&'a str>,
    /// What signs assertions, where the application receives one.
    pub signer: Option<Signer<'a>>,
}

/// The facts about the application in the `meta` headers, and whether it receives the token.
#[derive(Clone, Copy, Debug)]
pub struct ApplicationFacts<'a> {
    /// The slug.
    pub slug: &'a str,
    /// The name of its provider.
    pub provider_name: &'a str,
    /// Whether `X-authentik-jwt` and `X-authentik-meta-jwks` are sent.
    pub jwt_headers: bool,
}

/// The facts about a user. They are no proof: only an [`Identity`] allows a request.
#[derive(Clone, Copy, Debug)]
pub struct UserFacts<'a> {
    /// Issuer and subject.
    pub user: &'a User,
    /// The claims about the user.
    pub claims: &'a Claims,
    /// The token that `X-authentik-jwt` carries.
    pub token: Option<&'a SecretString>,
    /// The access token.
    pub access_token: Option<&'a SecretString>,
    /// The ID Token.
    pub id_token: Option<&'a SecretString>,
}

impl<'a> From<&'a Identity> for UserFacts<'a> {
    fn from(identity: &'a Identity) -> Self {
        Self {
            user: identity.user(),
            claims: identity.claims(),
            token: identity.token(),
            access_token: identity.access_token(),
            id_token: identity.id_token(),
        }
    }
}

/// The facts of a session that has just begun.
impl<'a> From<&'a SessionRecord> for UserFacts<'a> {
    fn from(record: &'a SessionRecord) -> Self {
        let access_token = record.access_token.as_ref();
        Self {
            user: &record.user,
            claims: &record.claims,
            token: access_token,
            access_token,
            id_token: record.sent_id_token.as_ref(),
        }
    }
}

/// The facts that identity headers may carry.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The user.
    pub about: UserFacts<'a>,
    /// The application that receives the headers.
    pub application: ApplicationFacts<'a>,
    /// The outpost that sends the headers.
    pub outpost: OutpostFacts<'a>,
}

/// A token of the provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The access token.
    AccessToken,
    /// The ID Token.
    IdToken,
}

/// The source of a value.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A claim that is defined as a text; a value of any other type counts as missing.
    Text(ClaimPath),
    /// A claim that is defined as a list of texts, joined as authentik does; a value of any other type counts as
    /// missing.
    List(ClaimPath),
    /// The names of the user's groups, joined as authentik does.
    Groups(GroupsClaim),
    /// A claim of any type.
    Any(ClaimPath, Separator),
    /// A constant.
    Constant(Cow<'static, str>),
    /// The user's subject identifier.
    Subject,
    /// The token, if the application receives it.
    Token,
    /// The user's token of this kind, after a prefix.
    OfKind(TokenKind, &'static str),
    /// The address of the provider's key set, if the application receives the token.
    Keys,
    /// The outpost's name.
    Outpost,
    /// The provider's name.
    Provider,
    /// The application's slug.
    Application,
    /// An assertion that Gatepost signs.
    Assertion(Assertion),
}

impl Source {
    /// The value; `None` when it is missing, or when a header would not carry it unchanged.
    pub(super) fn value<'a>(&'a self, facts: &Facts<'a>) -> Option<Cow<'a, str>> {
        let Facts { about: UserFacts { user, claims, token, access_token, id_token }, application, outpost } = *facts;
        let value = match self {
            Self::Text(path) => Cow::Borrowed(path.find(claims)?.as_str()?),
            Self::List(path) => Cow::Owned(texts(path.find(claims)?)?),
            Self::Groups(groups) => Cow::Owned(value::joined(groups.names(claims)?.map(Cow::Borrowed), Separator::BAR)),
            Self::Any(path, separator) => value::text(path.find(claims)?, *separator)?,
            Self::Constant(text) => Cow::Borrowed(text.as_ref()),
            Self::Subject => Cow::Borrowed(user.subject.as_str()),
            Self::Token => Cow::Borrowed(token.filter(|_| application.jwt_headers)?.expose_secret()),
            Self::OfKind(kind, prefix) => {
                let token = match kind {
                    TokenKind::AccessToken => access_token?,
                    TokenKind::IdToken => id_token?,
                };
                Cow::Owned(format!("{prefix}{}", token.expose_secret()))
            }
            Self::Keys => Cow::Borrowed(outpost.jwks_uri.filter(|_| application.jwt_headers)?),
            Self::Outpost => Cow::Borrowed(outpost.name),
            Self::Provider => Cow::Borrowed(application.provider_name),
            Self::Application => Cow::Borrowed(application.slug),
            Self::Assertion(assertion) => Cow::Owned(assertion.about(user, claims, outpost.signer?)?),
        };
        value::is_legal(&value).then_some(value)
    }
}

fn texts(value: &Value) -> Option<String> {
    let texts = value.as_array()?.iter().filter_map(Value::as_str).map(Cow::Borrowed);
    Some(value::joined(texts, Separator::BAR))
}
