//! The attempt itself: what is sealed into `state`, and how it finds its browser again.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::{Binding, CodeVerifier, Nonce};
use crate::domain::application::Application;
use crate::domain::sealing::{DoesNotOpen, NONCE_BYTES, Purpose, SealingKey, SealingKeys};
use crate::domain::time::Timestamp;

/// How long a user may take to sign in.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Room for the longest return address and the fixed fields, base64url encoded.
const MAX_STATE_BYTES: usize = 4096;

/// Names one attempt; random, so that two attempts never share secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttemptId([u8; 16]);

impl AttemptId {
    /// An id from fresh random bytes.
    #[must_use]
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The 16 random bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// One attempt to sign in.
#[derive(Debug)]
pub struct Attempt {
    id: AttemptId,
    expires: Timestamp,
    restarts: u8,
    binding_mark: [u8; 32],
    return_address: String,
    key: SealingKey,
}

/// Why an authentic attempt cannot be completed here and now; both restart the sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Older than ten minutes.
    Expired,
    /// Another browser's, or that of a tab which lost the race for the binding cookie.
    OtherBrowser,
}

impl Attempt {
    /// A fresh attempt that ends at `return_address`, after `restarts` earlier ones.
    #[must_use]
    pub fn begin(
        id: AttemptId,
        binding: &Binding,
        return_address: String,
        restarts: u8,
        now: Timestamp,
        keys: &SealingKeys,
    ) -> Self {
        let key = keys.current().clone();
        let binding_mark = key.derive(Purpose::Binding, &[&id.0, binding.as_bytes()]);
        Self { id, expires: now.plus(LIFETIME), restarts, binding_mark, return_address, key }
    }

    /// The attempt as `state`: sealed, for `application` alone.
    #[must_use]
    pub fn seal(&self, application: &Application, keys: &SealingKeys, nonce: [u8; NONCE_BYTES]) -> String {
        let plaintext = [
            self.id.0.as_slice(),
            &self.expires.as_unix().to_be_bytes(),
            &[self.restarts],
            &self.binding_mark,
            self.return_address.as_bytes(),
        ];
        let sealed = keys.seal(Purpose::Attempt, &context(application), nonce, &plaintext.concat());
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Opens a `state` that this outpost sealed for `application`.
    ///
    /// # Errors
    /// [`DoesNotOpen`] for everything else.
    pub fn open(state: &str, application: &Application, keys: &SealingKeys) -> Result<Self, DoesNotOpen> {
        if state.len() > MAX_STATE_BYTES {
            return Err(DoesNotOpen);
        }
        let sealed = URL_SAFE_NO_PAD.decode(state).map_err(|_| DoesNotOpen)?;
        let (plaintext, key) = keys.open(Purpose::Attempt, &context(application), &sealed)?;
        let (id, rest) = plaintext.split_first_chunk::<16>().ok_or(DoesNotOpen)?;
        let (expires, rest) = rest.split_first_chunk::<8>().ok_or(DoesNotOpen)?;
        let ([restarts], rest) = rest.split_first_chunk::<1>().ok_or(DoesNotOpen)?;
        let (binding_mark, return_address) = rest.split_first_chunk::<32>().ok_or(DoesNotOpen)?;
        Ok(Self {
            id: AttemptId(*id),
            expires: Timestamp::from_unix(u64::from_be_bytes(*expires)),
            restarts: *restarts,
            binding_mark: *binding_mark,
            return_address: String::from_utf8(return_address.to_vec()).map_err(|_| DoesNotOpen)?,
            key: key.clone(),
        })
    }

    /// Where the browser wanted to go; to be judged again before it is used.
    #[must_use]
    pub fn return_address(&self) -> &str {
        &self.return_address
    }

    /// How many attempts before this one came to nothing.
    #[must_use]
    pub const fn restarts(&self) -> u8 {
        self.restarts
    }

    /// The nonce of this attempt in the browser that holds `binding`.
    #[must_use]
    pub fn nonce(&self, binding: &Binding) -> Nonce {
        Nonce::new(self.key.derive(Purpose::Nonce, &[&self.id.0, binding.as_bytes()]))
    }

    /// The PKCE verifier of this attempt in the browser that holds `binding`.
    #[must_use]
    pub fn verifier(&self, binding: &Binding) -> CodeVerifier {
        CodeVerifier::new(self.key.derive(Purpose::CodeVerifier, &[&self.id.0, binding.as_bytes()]))
    }

    /// Matches the attempt with the browser that came back.
    ///
    /// # Errors
    /// When it is too old, or not this browser's.
    pub fn matching<'a>(
        &'a self,
        binding: Option<&'a Binding>,
        now: Timestamp,
    ) -> Result<MatchedAttempt<'a>, Mismatch> {
        if now >= self.expires {
            return Err(Mismatch::Expired);
        }
        let binding = binding.ok_or(Mismatch::OtherBrowser)?;
        let mark = self.key.derive(Purpose::Binding, &[&self.id.0, binding.as_bytes()]);
        if bool::from(mark.ct_eq(&self.binding_mark)) {
            Ok(MatchedAttempt { attempt: self, binding })
        } else {
            Err(Mismatch::OtherBrowser)
        }
    }
}

/// Proof that an attempt is authentic, fresh and this browser's.
#[derive(Clone, Copy, Debug)]
pub struct MatchedAttempt<'a> {
    attempt: &'a Attempt,
    binding: &'a Binding,
}

impl MatchedAttempt<'_> {
    /// The id under which the attempt is marked as used.
    #[must_use]
    pub const fn id(&self) -> &AttemptId {
        &self.attempt.id
    }

    /// Until when the mark has to be kept.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.attempt.expires
    }

    pub(super) fn secrets(&self) -> (CodeVerifier, Nonce) {
        (self.attempt.verifier(self.binding), self.attempt.nonce(self.binding))
    }
}

fn context(application: &Application) -> [&[u8]; 2] {
    [application.slug.as_str().as_bytes(), application.relying_party.issuer.as_bytes()]
}

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
