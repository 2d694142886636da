//! The credential that a request presents in `Authorization`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::{AcceptedCredentials, Refusal, Scheme};
use crate::domain::http::HeaderLines;

/// The user name for which authentik treats the password as a bearer token.
const TOKEN_USER: &str = "goauthentik.io/token";
/// The longest credential that is parsed, in bytes (JW-1).
const MAX_BYTES: usize = 64 * 1024;

/// A credential that is not verified yet.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A bearer token.
    Token(SecretString),
    /// A user name and an app password.
    AppPassword(AppPassword),
}

/// A user name and a password that the provider issued for programs.
#[derive(Clone, Debug)]
pub struct AppPassword {
    /// The user's name at the provider.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

/// A credential as a request presents it, under a scheme that the application accepts.
#[derive(Debug)]
pub struct Presented {
    /// The scheme of the header.
    pub scheme: Scheme,
    /// The credential, unless it is malformed.
    pub credential: Result<Credential, Refusal>,
}

impl Presented {
    /// The credential that these headers present; `None` if there is none that the application accepts.
    #[must_use]
    pub fn read(headers: &HeaderLines, accepted: &AcceptedCredentials) -> Option<Self> {
        let mut lines = headers.all("authorization");
        let (scheme, line) = lines.find_map(|line| Some((accepted.scheme_of(line)?, line)))?;
        let credential = match headers.all("authorization").count() {
            1 => credential(scheme, line, accepted),
            _ => Err(Refusal::Ambiguous),
        };
        Some(Self { scheme, credential })
    }
}

fn credential(scheme: Scheme, line: &[u8], accepted: &AcceptedCredentials) -> Result<Credential, Refusal> {
    let line = std::str::from_utf8(line).map_err(|_| Refusal::Malformed)?;
    let (_, rest) = line.split_once(' ').ok_or(Refusal::Malformed)?;
    let rest = rest.trim_matches(' ');
    if rest.len() > MAX_BYTES {
        return Err(Refusal::Malformed);
    }
    match scheme {
        Scheme::Bearer => token(rest),
        Scheme::Basic => {
            let app_password = app_password(rest)?;
            if app_password.user == TOKEN_USER && accepted.bearer.is_some() {
                return token(app_password.password.expose_secret());
            }
            Ok(Credential::AppPassword(app_password))
        }
    }
}

/// A `b64token` (RFC 6750 section 2.1).
fn token(text: &str) -> Result<Credential, Refusal> {
    let unpadded = text.trim_end_matches('=');
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if unpadded.is_empty() || !unpadded.bytes().all(legal) {
        return Err(Refusal::Malformed);
    }
    Ok(Credential::Token(text.into()))
}

/// `user:password` in base64, as UTF-8, without control characters (RFC 7617 section 2).
fn app_password(encoded: &str) -> Result<AppPassword, Refusal> {
    let decoded = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| Refusal::Malformed)?);
    let text = std::str::from_utf8(&decoded).map_err(|_| Refusal::Malformed)?;
    match text.split_once(':') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() && !text.contains(char::is_control) => {
            Ok(AppPassword { user: user.to_owned(), password: password.into() })
        }
        _ => Err(Refusal::Malformed),
    }
}
