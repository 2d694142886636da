//! The sign-in attempt: its contents, sealed in `state`, and how it is matched with its browser.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::{Binding, CodeVerifier, Nonce};
use crate::domain::crypto::sealing::{DoesNotOpen, NONCE_BYTES, SealPurpose, SealingContext, SealingKey, SealingKeys};
use crate::domain::time::Timestamp;

/// The time that a user has to sign in.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Some providers refuse a `state` of more than 1000 characters; Gatepost's is always far shorter.
const MAX_STATE_BYTES: usize = 512;
/// The longest return address, in bytes, that is sealed in `state`; a longer one is stored in a cookie.
const MAX_SEALED_ADDRESS: usize = 256;

/// Flag: the attempt began with a request for `start`.
const ASKED_FOR: u8 = 1;
/// Flag: the return address is in a cookie; `state` contains its keyed hash instead.
const ADDRESS_IN_COOKIE: u8 = 2;
/// Flag: access rules asked for the sign-in; before the return address, eight bytes say which.
const STEP_UP: u8 = 4;
/// Flag: the user wants to end sessions, which a recent sign-in permits.
const SESSIONS: u8 = 8;

/// Identifies one attempt; random, so that two attempts never share secrets.
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

/// One sign-in attempt.
#[derive(Debug)]
pub struct Attempt {
    id: AttemptId,
    /// Milliseconds since the Unix epoch.
    began: u64,
    restarts: u8,
    origin: StartedBy,
    binding_hash: [u8; 32],
    address: StoredReturnAddress,
    key: SealingKey,
}

/// Why an attempt began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartedBy {
    /// A request of the application without a signed-in user.
    Request,
    /// A request for `start`.
    Start,
    /// A request of a signed-in user for which access rules ask for another sign-in: these, a bit for each.
    StepUp(u64),
    /// The user wants to end sessions, for which a recent sign-in is needed.
    Sessions,
}

/// The return address.
#[derive(Debug)]
enum StoredReturnAddress {
    Sealed(String),
    InCookie { hash: [u8; 32] },
}

/// Why an authentic attempt cannot be completed; both causes restart the sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The attempt is older than ten minutes.
    Expired,
    /// The attempt belongs to another browser, or to a tab whose binding cookie was replaced by another tab's.
    OtherBrowser,
}

impl Attempt {
    /// A new attempt that ends at `return_address`, after `restarts` earlier ones.
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
        let binding_hash = key.derive(SealPurpose::Binding, &[&id.0, binding.as_bytes()]);
        let address = if return_address.len() <= MAX_SEALED_ADDRESS {
            StoredReturnAddress::Sealed(return_address)
        } else {
            StoredReturnAddress::InCookie { hash: address_hash(&key, id, &return_address) }
        };
        let began = now.as_unix().saturating_mul(1000);
        Self { id, began, restarts, origin: StartedBy::Request, binding_hash, address, key }
    }

    /// Sets the origin and the time at which the attempt began.
    #[must_use]
    pub fn begun(self, origin: StartedBy, unix_millis: u64) -> Self {
        Self { began: unix_millis, origin, ..self }
    }

    /// The attempt as `state`, sealed for `application` only.
    #[must_use]
    pub fn seal<'a>(
        &self,
        context: impl Into<SealingContext<'a>>,
        keys: &SealingKeys,
        nonce: [u8; NONCE_BYTES],
    ) -> String {
        let (origin, asked): (u8, Vec<u8>) = match self.origin {
            StartedBy::Request => (0, Vec::new()),
            StartedBy::Start => (ASKED_FOR, Vec::new()),
            StartedBy::Sessions => (SESSIONS, Vec::new()),
            StartedBy::StepUp(asked) => (STEP_UP, asked.to_be_bytes().to_vec()),
        };
        let (kind, address) = match &self.address {
            StoredReturnAddress::Sealed(address) => (0, address.as_bytes()),
            StoredReturnAddress::InCookie { hash } => (ADDRESS_IN_COOKIE, hash.as_slice()),
        };
        let plaintext = [
            self.id.0.as_slice(),
            &self.began.to_be_bytes(),
            &[self.restarts, origin | kind],
            &self.binding_hash,
            &asked,
            address,
        ];
        let sealed = keys.seal(SealPurpose::Attempt, &context.into().0, nonce, &plaintext.concat());
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Opens a `state` that this outpost sealed for `application`.
    ///
    /// # Errors
    /// [`DoesNotOpen`] for any other text.
    pub fn open<'a>(
        state: &str,
        context: impl Into<SealingContext<'a>>,
        keys: &SealingKeys,
    ) -> Result<Self, DoesNotOpen> {
        if state.len() > MAX_STATE_BYTES {
            return Err(DoesNotOpen);
        }
        let sealed = URL_SAFE_NO_PAD.decode(state).map_err(|_| DoesNotOpen)?;
        let (plaintext, key) = keys.open(SealPurpose::Attempt, &context.into().0, &sealed)?;
        let (id, rest) = plaintext.split_first_chunk::<16>().ok_or(DoesNotOpen)?;
        let (began, rest) = rest.split_first_chunk::<8>().ok_or(DoesNotOpen)?;
        let ([restarts, flags], rest) = rest.split_first_chunk::<2>().ok_or(DoesNotOpen)?;
        let (binding_hash, rest) = rest.split_first_chunk::<32>().ok_or(DoesNotOpen)?;
        let (origin, rest) = match (flags & ASKED_FOR, flags & STEP_UP) {
            (0, 0) if flags & SESSIONS != 0 => (StartedBy::Sessions, rest),
            (0, 0) => (StartedBy::Request, rest),
            (_, 0) => (StartedBy::Start, rest),
            (_, _) => {
                let (asked, rest) = rest.split_first_chunk::<8>().ok_or(DoesNotOpen)?;
                (StartedBy::StepUp(u64::from_be_bytes(*asked)), rest)
            }
        };
        let address = if flags & ADDRESS_IN_COOKIE == 0 {
            StoredReturnAddress::Sealed(String::from_utf8(rest.to_vec()).map_err(|_| DoesNotOpen)?)
        } else {
            StoredReturnAddress::InCookie { hash: rest.try_into().map_err(|_| DoesNotOpen)? }
        };
        Ok(Self {
            id: AttemptId(*id),
            began: u64::from_be_bytes(*began),
            restarts: *restarts,
            origin,
            binding_hash: *binding_hash,
            address,
            key: key.clone(),
        })
    }

    /// The id.
    #[must_use]
    pub const fn id(&self) -> &AttemptId {
        &self.id
    }

    /// The return address, which has to be checked again before it is used; `None` when it is in a cookie.
    #[must_use]
    pub fn return_address(&self) -> Option<&str> {
        match &self.address {
            StoredReturnAddress::Sealed(address) => Some(address),
            StoredReturnAddress::InCookie { .. } => None,
        }
    }

    /// Whether `address`, read from a cookie, is the return address of this attempt.
    #[must_use]
    pub fn ends_at(&self, address: &str) -> bool {
        match &self.address {
            StoredReturnAddress::Sealed(sealed) => sealed == address,
            StoredReturnAddress::InCookie { hash } => address_hash(&self.key, self.id, address).ct_eq(hash).into(),
        }
    }

    /// When the attempt began, in milliseconds since the Unix epoch.
    #[must_use]
    pub const fn began(&self) -> u64 {
        self.began
    }

    /// Why the attempt began.
    #[must_use]
    pub const fn origin(&self) -> StartedBy {
        self.origin
    }

    const fn expires(&self) -> Timestamp {
        Timestamp::from_unix(self.began / 1000).plus(LIFETIME)
    }

    /// How many attempts of this sign-in failed before this one.
    #[must_use]
    pub const fn restarts(&self) -> u8 {
        self.restarts
    }

    /// The nonce of this attempt in the browser that holds `binding`.
    #[must_use]
    pub fn nonce(&self, binding: &Binding) -> Nonce {
        Nonce::new(self.key.derive(SealPurpose::Nonce, &[&self.id.0, binding.as_bytes()]))
    }

    /// The PKCE verifier of this attempt in the browser that holds `binding`.
    #[must_use]
    pub fn verifier(&self, binding: &Binding) -> CodeVerifier {
        CodeVerifier::new(self.key.derive(SealPurpose::CodeVerifier, &[&self.id.0, binding.as_bytes()]))
    }

    /// Matches the attempt with the browser that returned: one of the bindings that it sends is the attempt's.
    ///
    /// # Errors
    /// When the attempt is too old, or belongs to another browser.
    pub fn matching<'a>(
        &'a self,
        bindings: impl IntoIterator<Item = &'a Binding>,
        now: Timestamp,
    ) -> Result<MatchedAttempt<'a>, Mismatch> {
        if now >= self.expires() {
            return Err(Mismatch::Expired);
        }
        let binding = bindings.into_iter().find(|binding| self.is_bound_to(binding)).ok_or(Mismatch::OtherBrowser)?;
        Ok(MatchedAttempt { attempt: self, binding })
    }

    fn is_bound_to(&self, binding: &Binding) -> bool {
        let hash = self.key.derive(SealPurpose::Binding, &[&self.id.0, binding.as_bytes()]);
        hash.ct_eq(&self.binding_hash).into()
    }
}

/// Proof that an attempt is authentic, fresh and belongs to this browser.
#[derive(Clone, Copy, Debug)]
pub struct MatchedAttempt<'a> {
    attempt: &'a Attempt,
    binding: &'a Binding,
}

impl MatchedAttempt<'_> {
    /// The id under which the use of the attempt is stored.
    #[must_use]
    pub const fn id(&self) -> &AttemptId {
        &self.attempt.id
    }

    /// The time until which that use has to be stored.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.attempt.expires()
    }

    pub(super) fn secrets(&self) -> (CodeVerifier, Nonce) {
        (self.attempt.verifier(self.binding), self.attempt.nonce(self.binding))
    }
}

fn address_hash(key: &SealingKey, id: AttemptId, address: &str) -> [u8; 32] {
    key.derive(SealPurpose::ReturnAddress, &[&id.0, address.as_bytes()])
}

#[cfg(test)]
mod tests;
