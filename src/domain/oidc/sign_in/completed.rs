//! What a browser stores about the sign-in that it completed last, in order to end loops of sign-ins that succeed and
//! begin again: because the session never arrives with the next request, or ends before it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;

use super::{Attempt, StartedBy};
use crate::domain::crypto::sealing::{NONCE_BYTES, SealPurpose, SealingContext, SealingKeys};

/// The time in milliseconds after a completed sign-in within which a new attempt is taken to be caused by the request
/// for which that sign-in was made.
const SOON: u64 = 10_000;
/// How many sign-ins for one address may follow one another within that time.
const MOST_IN_A_ROW: u8 = 3;
/// How many sign-ins may be completed within that time of one another, whenever they began: more than the tabs that are
/// opened together. This limit also works where clocks that differ between replicas hide which began first.
const MOST_IN_ALL: u8 = 50;

/// Stored bytes of the hash of a return address: enough to distinguish the tabs of one browser.
const ADDRESS_BYTES: usize = 8;

/// When, and for which address, a browser completed its last sign-in at an application, and how many consecutive ones
/// preceded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletedSignIn {
    /// Milliseconds since the Unix epoch.
    completed: u64,
    /// The hash of the return address.
    address: [u8; ADDRESS_BYTES],
    in_a_row: u8,
    in_all: u8,
}

impl CompletedSignIn {
    /// The record of the sign-in of `attempt` for `address`, completed at this millisecond, after `last`.
    #[must_use]
    pub fn after(last: Option<Self>, attempt: &Attempt, address: &str, unix_millis: u64) -> Self {
        let before = last.filter(|last| last.is_repeated_by(attempt, address)).map_or(0, |last| last.in_a_row);
        let all = last.filter(|last| last.was_soon_before(unix_millis)).map_or(0, |last| last.in_all);
        let (in_a_row, in_all) = (before.saturating_add(1), all.saturating_add(1));
        Self { completed: unix_millis, address: hash(address), in_a_row, in_all }
    }

    const fn was_soon_before(self, unix_millis: u64) -> bool {
        unix_millis.saturating_sub(self.completed) <= SOON
    }

    /// Whether `attempt` began right after this sign-in.
    #[must_use]
    pub const fn was_just_before(self, attempt: &Attempt) -> bool {
        attempt.began() > self.completed && attempt.began() - self.completed <= SOON
    }

    /// Whether `attempt` began right after this sign-in and is for the same address. Tabs that were opened together
    /// began their attempts before, or are for other addresses if their requests crossed on the way.
    fn is_repeated_by(self, attempt: &Attempt, address: &str) -> bool {
        self.was_just_before(attempt) && self.address == hash(address)
    }

    /// Whether completing `attempt` for `address` at this millisecond would only lead to the next attempt. If the
    /// session of the last sign-in is live and this request presents it (`shows_session`), the request that began the
    /// attempt came without it, and the next one will as well.
    #[must_use]
    pub fn would_loop(self, attempt: &Attempt, address: &str, shows_session: bool, unix_millis: u64) -> bool {
        let asked_again = shows_session && attempt.origin() == StartedBy::Request;
        let follows = self.is_repeated_by(attempt, address) && (asked_again || self.in_a_row >= MOST_IN_A_ROW);
        follows || (self.was_soon_before(unix_millis) && self.in_all >= MOST_IN_ALL)
    }

    /// The number of consecutive sign-ins.
    #[must_use]
    pub const fn in_a_row(self) -> u8 {
        self.in_a_row
    }

    /// The cookie value, sealed for `application` only.
    #[must_use]
    pub fn seal<'a>(
        self,
        context: impl Into<SealingContext<'a>>,
        keys: &SealingKeys,
        nonce: [u8; NONCE_BYTES],
    ) -> String {
        let plaintext =
            [self.completed.to_be_bytes().as_slice(), &self.address, &[self.in_a_row, self.in_all]].concat();
        URL_SAFE_NO_PAD.encode(keys.seal(SealPurpose::CompletedSignIn, &context.into().0, nonce, &plaintext))
    }

    /// The latest of these cookie values that this outpost sealed for `application`. A sibling host can plant some beside
    /// Gatepost's, an earlier sign-in too.
    #[must_use]
    pub fn latest<'a>(values: &[String], context: impl Into<SealingContext<'a>>, keys: &SealingKeys) -> Option<Self> {
        let context = context.into();
        let opened = values.iter().filter_map(|value| Self::open(value, context, keys));
        opened.max_by_key(|last| last.completed)
    }

    /// Opens a cookie value that this outpost sealed for `application`.
    #[must_use]
    pub fn open<'a>(value: &str, context: impl Into<SealingContext<'a>>, keys: &SealingKeys) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (plaintext, _) = keys.open(SealPurpose::CompletedSignIn, &context.into().0, &sealed).ok()?;
        let (completed, rest) = plaintext.split_first_chunk::<8>()?;
        let (address, rest) = rest.split_first_chunk::<ADDRESS_BYTES>()?;
        let [in_a_row, in_all] = *rest else { return None };
        Some(Self { completed: u64::from_be_bytes(*completed), address: *address, in_a_row, in_all })
    }
}

fn hash(address: &str) -> [u8; ADDRESS_BYTES] {
    let hash = digest::digest(&digest::SHA256, address.as_bytes());
    hash.as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::crypto::sealing::SealingKey;
    use crate::domain::oidc::sign_in::{AttemptId, Binding};
    use crate::domain::time::Timestamp;
    use crate::testing::application;

    const PAGE: &str = "https://wiki.example.com/x";

    fn keys() -> SealingKeys {
        SealingKeys::new(SealingKey::new([1; 32]), Vec::new())
    }

    fn begun(origin: StartedBy, unix_millis: u64) -> Attempt {
        let (id, binding) = (AttemptId::new([1; 16]), Binding::new([2; 32]));
        let attempt = Attempt::begin(id, &binding, "/".into(), 0, Timestamp::from_unix(0), &keys());
        attempt.begun(origin, unix_millis)
    }

    #[test]
    fn only_an_attempt_that_began_right_after_follows() {
        let last = CompletedSignIn::after(None, &begun(StartedBy::Request, 900), PAGE, 1000);
        for (began, follows) in [(999, false), (1000, false), (1001, true), (11_000, true), (11_001, false)] {
            let attempt = begun(StartedBy::Request, began);
            assert_eq!(last.was_just_before(&attempt), follows, "{began}");
            assert_eq!(last.would_loop(&attempt, PAGE, true, 2000), follows, "{began}");
            assert!(!last.would_loop(&attempt, PAGE, false, 2000), "{began}: once may be the user's own will");
            for origin in [StartedBy::Start, StartedBy::StepUp(1)] {
                assert!(
                    !last.would_loop(&begun(origin, began), PAGE, true, 2000),
                    "{began}: it is asked for {origin:?}"
                );
            }
        }
    }

    #[test]
    fn sign_ins_in_a_row_are_counted_and_end() {
        let (mut last, mut now) = (None, 0);
        for number in 1..=MOST_IN_A_ROW {
            let attempt = begun(StartedBy::Start, now + 100);
            assert!(!last.is_some_and(|last: CompletedSignIn| last.would_loop(&attempt, PAGE, false, now)), "{number}");
            now += 200;
            last = Some(CompletedSignIn::after(last, &attempt, PAGE, now));
            assert_eq!(last.map(CompletedSignIn::in_a_row), Some(number));
        }
        let last = last.expect("there were some");
        assert!(last.would_loop(&begun(StartedBy::Start, now + 100), PAGE, false, now));
        let later = begun(StartedBy::Request, now + SOON + 1);
        assert!(!last.would_loop(&later, PAGE, true, now));
        assert_eq!(CompletedSignIn::after(Some(last), &later, PAGE, now + SOON + 2).in_a_row(), 1);
    }

    /// Tabs that were opened together, whose requests and cookies crossed on the way.
    #[test]
    fn other_tabs_that_began_right_after_are_no_loop() {
        let (mut last, mut now) = (None, 1000);
        for tab in 0..20 {
            let (attempt, address) = (begun(StartedBy::Request, now + 1), format!("https://wiki.example.com/{tab}"));
            assert!(!last.is_some_and(|last: CompletedSignIn| last.would_loop(&attempt, &address, true, now)), "{tab}");
            now += 5;
            last = Some(CompletedSignIn::after(last, &attempt, &address, now));
            assert_eq!(last.map(CompletedSignIn::in_a_row), Some(1));
        }
    }

    #[test]
    fn clocks_that_differ_hide_no_loop_for_ever() {
        // Attempts begin on a replica whose clock is behind: each seems older than the sign-in before it.
        let (mut last, mut now, mut completed) = (None, 1_000_000, 0);
        while !last.is_some_and(|last: CompletedSignIn| {
            last.would_loop(&begun(StartedBy::Request, now - 5000), PAGE, false, now)
        }) {
            last = Some(CompletedSignIn::after(last, &begun(StartedBy::Request, now - 5000), PAGE, now));
            completed += 1;
            now += 300;
        }
        assert_eq!(completed, MOST_IN_ALL);
        let last = last.expect("there were some");
        assert!(!last.would_loop(&begun(StartedBy::Request, now), PAGE, false, now + SOON), "the wait is short");
    }

    #[test]
    fn the_cookie_opens_only_here() {
        let wiki = application("https://wiki.example.com");
        let last = CompletedSignIn::after(None, &begun(StartedBy::Request, 1), PAGE, 1_900_000_000_123);
        let value = last.seal(&wiki, &keys(), [9; 24]);
        assert_eq!(CompletedSignIn::open(&value, &wiki, &keys()), Some(last));
        let mut other = wiki.clone();
        other.relying_party.issuer = "https://other.example.com/".into();
        assert_eq!(CompletedSignIn::open(&value, &other, &keys()), None);
        let earlier = CompletedSignIn::after(None, &begun(StartedBy::Request, 1), PAGE, 1_900_000_000_122);
        let earlier = earlier.seal(&wiki, &keys(), [8; 24]);
        for values in [["x".into(), earlier.clone(), value.clone()], [value.clone(), earlier.clone(), "x".into()]] {
            assert_eq!(CompletedSignIn::latest(&values, &wiki, &keys()), Some(last), "CK-5: the latest that opens");
        }
        for forged in ["", "x", &value[1..], &value.replace(&value[50..52], "__")] {
            assert_eq!(CompletedSignIn::open(forged, &wiki, &keys()), None, "{forged}");
        }
    }
}
