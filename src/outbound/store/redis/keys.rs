//! What our keys are called. Everything that is known of one user lies in one slot of a cluster (the mark between
//! braces decides, Redis Cluster specification, "hash tags"), so that every change is one script, atomic there, too.

pub(super) use crate::domain::crypto::hex::{decode as unhex, encode as hex};
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::session::SessionKey;
use crate::outbound::store::record_cipher::UserHash;

/// Names of keys behind one prefix.
#[derive(Clone)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) const fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// Sealed record, behind its generation.
    pub(super) fn record(&self, user: &UserHash, key: &SessionKey) -> String {
        format!("{}{}", self.records(user), hex(key.as_bytes()))
    }

    /// What the records of a user begin with.
    pub(super) fn records(&self, user: &UserHash) -> String {
        self.of_user("s", user, ":")
    }

    /// Last use, as a time.
    pub(super) fn last_use(&self, user: &UserHash, key: &SessionKey) -> String {
        format!("{}{}", self.last_uses(user), hex(key.as_bytes()))
    }

    /// What the last uses of a user's sessions begin with.
    pub(super) fn last_uses(&self, user: &UserHash) -> String {
        self.of_user("t", user, ":")
    }

    /// The sessions of a user: when each was created and ends, and which of the provider's it rests on.
    pub(super) fn index(&self, user: &UserHash) -> String {
        self.of_user("u", user, "")
    }

    /// Who renews a session.
    pub(super) fn lease(&self, user: &UserHash, key: &SessionKey) -> String {
        self.of_user("l", user, &format!(":{}", hex(key.as_bytes())))
    }

    /// Whose a session is: the mark of the user.
    pub(super) fn pointer(&self, key: &SessionKey) -> String {
        format!("{}k:{}", self.prefix, hex(key.as_bytes()))
    }

    /// The users whose sessions rest on one of the provider's.
    pub(super) fn provider_session(&self, user_hash: &UserHash) -> String {
        self.of_user("p", user_hash, "")
    }

    /// Something that was used.
    pub(super) fn consumed(&self, replay_key: &ReplayKey) -> String {
        format!("{}x:{}", self.prefix, hex(replay_key.as_bytes()))
    }

    fn of_user(&self, kind: &str, user_hash: &UserHash, rest: &str) -> String {
        format!("{}{kind}:{{{}}}{rest}", self.prefix, hex(user_hash))
    }

    /// What the name of every record begins with.
    pub(super) fn all_records(&self) -> String {
        format!("{}s:", self.prefix)
    }

    /// Whose record a key is, and of which session.
    pub(super) fn parse_record(&self, name: &[u8]) -> Option<(UserHash, SessionKey)> {
        let rest = name.strip_prefix(self.all_records().as_bytes())?.strip_prefix(b"{")?;
        let (user, rest) = rest.split_at_checked(64)?;
        let key = rest.strip_prefix(b"}:")?;
        Some((unhex(user)?, SessionKey::from_bytes(unhex(key)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_names_its_user_and_session(user: [u8; 32], key: [u8; 32]) {
            let keys = Keys::new("gatepost:".to_owned());
            let key = SessionKey::from_bytes(key);
            let name = keys.record(&user, &key);
            prop_assert_eq!(keys.parse_record(name.as_bytes()), Some((user, key)));
            prop_assert_eq!(Keys::new("other:".to_owned()).parse_record(name.as_bytes()), None);
            prop_assert_eq!(keys.parse_record(keys.last_use(&user, &key).as_bytes()), None);
            prop_assert_eq!(keys.parse_record(&name.as_bytes()[..name.len() - 1]), None);
        }

        #[test]
        fn all_keys_of_one_user_lie_in_one_slot(user: [u8; 32], key: [u8; 32]) {
            let keys = Keys::new("gatepost:".to_owned());
            let key = SessionKey::from_bytes(key);
            let tag = format!("{{{}}}", hex(&user));
            let names = [keys.record(&user, &key), keys.last_use(&user, &key), keys.index(&user), keys.lease(&user, &key)];
            for name in names {
                prop_assert!(name.contains(&tag), "{}", name);
                prop_assert_eq!(name.matches('{').count(), 1);
            }
        }
    }
}
