//! Whose answers open, and whose do not.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::domain::crypto::sealing::SealingKey;
use crate::testing::{FailingEntropy, SystemEntropy};

const OUTPOST: &str = "3b1c0e0e-5a55-4d7c-9d0e-0c6f6f0f2a11";
const OTHER: &str = "00000000-5a55-4d7c-9d0e-0c6f6f0f2a11";
const NOW: Timestamp = Timestamp::from_unix(1_900_000_000);

fn answer(outpost: &str) -> OutpostAnswer {
    let at = "https://auth.example.com/application/o/wiki/";
    let provider = json!({
        "pk": 7, "name": "Wiki", "external_host": "https://wiki.example.com", "client_id": "abc",
        "client_secret": "very secret",
        "oidc_configuration": {
            "issuer": at, "authorization_endpoint": at, "token_endpoint": at, "userinfo_endpoint": at,
            "end_session_endpoint": at, "introspection_endpoint": at, "jwks_uri": at,
            "id_token_signing_alg_values_supported": ["HS256"],
        },
        "scopes_to_request": ["openid"], "assigned_application_slug": "wiki", "assigned_application_name": "Wiki",
    });
    let outpost = json!({ "pk": outpost, "name": "edge", "type": "proxy", "refresh_interval_s": 60 });
    let certificate = Certificate {
        uuid: OTHER.to_owned(),
        name: "certificate".to_owned(),
        fingerprint_sha256: Some("aa:bb".to_owned()),
        chain: "-----BEGIN CERTIFICATE-----".to_owned(),
        private_key: "-----BEGIN very secret KEY-----".into(),
    };
    OutpostAnswer {
        outpost: serde_json::from_value(outpost).unwrap(),
        providers: vec![serde_json::from_value(provider).unwrap()],
        left_out: vec!["https://left.example.com".to_owned()],
        certificates: vec![certificate],
        overlaid: vec![Overlaid {
            pk: 7,
            external_host: "https://wiki.example.com".to_owned(),
            slug: "wiki".to_owned(),
        }],
    }
}

struct Files(TempDir);

impl Files {
    fn path(&self) -> PathBuf {
        self.0.path().join("state/authentik")
    }

    fn cache(&self, host: &str, token: &str, key: u8) -> AnswerCache {
        let keys = SealingKeys::new(SealingKey::new([key; 32]), vec![]);
        AnswerCache::new(&self.path(), keys, &ServerAddress::parse(host).unwrap(), &token.into())
    }
}

fn files() -> Files {
    Files(TempDir::new().unwrap())
}

fn id(text: &str) -> OutpostId {
    text.to_owned().try_into().unwrap()
}

#[test]
fn an_answer_comes_back_with_its_time() {
    let files = files();
    let cache = files.cache("https://auth.example.com", "token", 1);
    assert!(cache.read(None).unwrap().is_none());
    cache.write(&answer(OUTPOST), NOW, &SystemEntropy).unwrap();
    let expected = CachedAnswer { answer: answer(OUTPOST), written: NOW };
    assert_eq!(cache.read(None).unwrap(), Some(expected.clone()));
    assert_eq!(cache.read(Some(&id(OUTPOST))).unwrap(), Some(expected));
    // The same host and token, written in another way.
    let same = files.cache("https://auth.example.com/", "token\n", 1);
    assert!(same.read(None).unwrap().is_some());
    let bytes = std::fs::read(files.path()).unwrap();
    for secret in ["very secret", "wiki", "abc", "token"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    assert_eq!(std::fs::metadata(files.path()).unwrap().permissions().mode() & 0o777, 0o600);
    cache.write(&answer(OTHER), NOW.plus(std::time::Duration::from_secs(5)), &SystemEntropy).unwrap();
    assert_eq!(cache.read(None).unwrap().unwrap().answer.outpost.pk, id(OTHER));
    assert_eq!(std::fs::read_dir(files.path().parent().unwrap()).unwrap().count(), 1, "nothing is left aside");
}

#[test]
fn the_answer_of_another_host_outpost_token_or_key_is_refused() {
    let files = files();
    files.cache("https://auth.example.com", "token", 1).write(&answer(OUTPOST), NOW, &SystemEntropy).unwrap();
    for (host, token, key, outpost) in [
        ("https://other.example.com", "token", 1, None),
        ("https://auth.example.com/sub", "token", 1, None),
        ("http://auth.example.com", "token", 1, None),
        ("https://auth.example.com", "rotated", 1, None),
        ("https://auth.example.com", "token", 2, None),
        ("https://auth.example.com", "token", 1, Some(OTHER)),
    ] {
        let read = files.cache(host, token, key).read(outpost.map(id).as_ref());
        let Err(fault @ CacheFault::Foreign { .. }) = read else { panic!("{host} {token} {key}") };
        assert!(!fault.to_string().contains("rotated"), "{fault}");
    }
}

#[test]
fn a_damaged_file_is_refused() {
    let files = files();
    let cache = files.cache("https://auth.example.com", "token", 1);
    cache.write(&answer(OUTPOST), NOW, &SystemEntropy).unwrap();
    let whole = std::fs::read(files.path()).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(files.path(), bytes).unwrap();
        assert!(matches!(cache.read(None), Err(CacheFault::Foreign { .. })));
    };
    for end in [0, 1, FORMAT.len(), FORMAT.len() + 36, FORMAT.len() + 37, FORMAT.len() + 60, whole.len() - 1] {
        refused(&whole[..end]);
    }
    for place in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        refused(&changed);
    }
    // The outpost is in the clear, and part of the seal.
    refused(&[FORMAT, OTHER.as_bytes(), &whole[FORMAT.len() + 36..]].concat());
    std::fs::write(files.path(), &whole).unwrap();
    assert!(cache.read(None).unwrap().is_some());
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let files = files();
    let cache = files.cache("https://auth.example.com", "token", 1);
    cache.write(&answer(OUTPOST), NOW, &SystemEntropy).unwrap();
    std::fs::set_permissions(files.path(), Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(cache.read(None), Err(CacheFault::NotPrivate(PrivacyFault::Loose { .. }))));
}

#[test]
fn a_failed_write_keeps_the_last_answer() {
    let files = files();
    let cache = files.cache("https://auth.example.com", "token", 1);
    cache.write(&answer(OUTPOST), NOW, &SystemEntropy).unwrap();
    assert!(matches!(cache.write(&answer(OTHER), NOW, &FailingEntropy), Err(CacheFault::Entropy(_))));
    assert_eq!(cache.read(None).unwrap().unwrap().answer.outpost.pk, id(OUTPOST));
}
