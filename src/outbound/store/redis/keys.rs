//! The key names. All keys of one user are in one hash slot of a cluster (the user hash in braces decides, Redis Cluster
//! specification, "hash tags"), so that every change is one script, which is atomic in a cluster, too.

pub(super) use crate::domain::crypto::hex::{decode as unhex, encode as hex};
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::session::SessionKey;
use crate::outbound::store::record_cipher::IndexHash;

/// Builds key names with one prefix.
#[derive(Clone)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) const fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// The sealed record, preceded by its generation.
    pub(super) fn record(&self, user: &IndexHash, key: &SessionKey) -> String {
        format!("{}{}", self.records(user), hex(key.as_bytes()))
    }

    /// The prefix of the records of a user.
    pub(super) fn records(&self, user: &IndexHash) -> String {
        self.of_user("s", user, ":")
    }

    /// The last use, as a Unix time.
    pub(super) fn last_use(&self, user: &IndexHash, key: &SessionKey) -> String {
        format!("{}{}", self.last_uses(user), hex(key.as_bytes()))
    }

    /// The prefix of the last uses of a user's sessions.
    pub(super) fn last_uses(&self, user: &IndexHash) -> String {
        self.of_user("t", user, ":")
    }

    /// The sessions of a user: when each was created and ends, and which provider session it belongs to.
    pub(super) fn index(&self, user: &IndexHash) -> String {
        self.of_user("u", user, "")
    }

    /// The holder of the refresh lease of a session.
    pub(super) fn lease(&self, user: &IndexHash, key: &SessionKey) -> String {
        self.of_user("l", user, &format!(":{}", hex(key.as_bytes())))
    }

    /// The owner of a session: the user hash.
    pub(super) fn pointer(&self, key: &SessionKey) -> String {
        format!("{}k:{}", self.prefix, hex(key.as_bytes()))
    }

    /// The users whose sessions belong to one provider session.
    pub(super) fn provider_session(&self, index_hash: &IndexHash) -> String {
        self.of_user("p", index_hash, "")
    }

    /// A consumed replay key.
    pub(super) fn consumed(&self, replay_key: &ReplayKey) -> String {
        format!("{}x:{}", self.prefix, hex(replay_key.as_bytes()))
    }

    fn of_user(&self, kind: &str, index_hash: &IndexHash, rest: &str) -> String {
        format!("{}{kind}:{{{}}}{rest}", self.prefix, hex(index_hash))
    }

    /// The prefix of all record names.
    pub(super) fn all_records(&self) -> String {
        format!("{}s:", self.prefix)
    }

    /// Parses the name of a record into its user and session.
    pub(super) fn parse_record(&self, name: &[u8]) -> Option<(IndexHash, SessionKey)> {
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
