//! Who reports itself to authentik: one process.

use std::time::Duration;

use serde_json::json;

use crate::domain::crypto::hex;
use crate::ports::{Entropy, EntropyFault};

/// The longest delay of an update, in seconds.
const LONGEST_UPDATE_DELAY: u64 = 9;

/// One process of an outpost, as authentik lists it.
#[derive(Clone, Debug)]
pub struct Instance {
    uuid: String,
    hostname: String,
}

impl Instance {
    /// A new instance on this host, with a random UUID (RFC 9562 section 5.4).
    ///
    /// # Errors
    /// When the system's source of randomness fails.
    pub fn new(hostname: &str, entropy: &dyn Entropy) -> Result<Self, EntropyFault> {
        let mut random = [0; 16];
        entropy.fill(&mut random)?;
        let bits = u128::from_be_bytes(random);
        let version_and_variant = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        let digits = hex::encode(&version_and_variant.to_be_bytes());
        let (mut rest, mut groups) = (digits.as_str(), Vec::new());
        for length in [8, 4, 4, 4] {
            let (group, others) = rest.split_at_checked(length).unwrap_or((rest, ""));
            groups.push(group);
            rest = others;
        }
        groups.push(rest);
        Ok(Self { uuid: groups.join("-"), hostname: hostname.to_owned() })
    }

    pub(super) fn uuid(&self) -> &str {
        &self.uuid
    }

    /// The message by which it reports itself. The build hash is empty: authentik compares versions only between builds of its
    /// own, and would call this one outdated.
    pub(super) fn hello(&self) -> String {
        let Self { uuid, hostname } = self;
        let args = json!({ "version": env!("CARGO_PKG_VERSION"), "buildHash": "", "uuid": uuid, "hostname": hostname });
        json!({ "instruction": 1, "args": args }).to_string()
    }
}

/// A random delay of updates, 0 to 9 seconds, to be chosen once per process: outposts that are triggered together then do not
/// ask together.
///
/// # Errors
/// When the system's source of randomness fails.
pub fn update_delay(entropy: &dyn Entropy) -> Result<Duration, EntropyFault> {
    let mut random = [0; 8];
    entropy.fill(&mut random)?;
    Ok(Duration::from_secs(u64::from_be_bytes(random) % (LONGEST_UPDATE_DELAY + 1)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::SystemEntropy;

    #[test]
    fn an_instance_has_a_uuid_of_version_4() {
        for _ in 0..100 {
            let instance = Instance::new("edge-1", &SystemEntropy).unwrap();
            let groups: Vec<&str> = instance.uuid().split('-').collect();
            assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
            assert!(groups[2].starts_with('4') && groups[3].starts_with(['8', '9', 'a', 'b']), "{}", instance.uuid());
            let hello: Value = serde_json::from_str(&instance.hello()).unwrap();
            assert_eq!(hello["args"]["uuid"], instance.uuid());
            assert_eq!((&hello["instruction"], &hello["args"]["hostname"]), (&1.into(), &"edge-1".into()));
        }
    }

    #[test]
    fn the_delay_of_updates_has_ten_values() {
        let delays: std::collections::BTreeSet<u64> =
            (0..500).map(|_| update_delay(&SystemEntropy).unwrap().as_secs()).collect();
        assert_eq!(delays, (0..10).collect());
    }
}
