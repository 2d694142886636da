//! The sealing key file: created once, read from then on, refused where others could have read or placed it.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::*;
use crate::domain::crypto::sealing::SealPurpose;
use crate::testing::{FailingEntropy, SystemEntropy};

/// Distinguishes keys without showing them.
fn fingerprint(key: &SealingKey) -> [u8; 32] {
    key.derive(SealPurpose::StoreIndex, &[b"test"])
}

fn message(path: &Path) -> String {
    sealing_key(path, &SystemEntropy).unwrap_err().to_string()
}

#[test]
fn a_key_is_made_once_and_read_ever_after() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state/new/sealing.key");
    let made = fingerprint(&sealing_key(&path, &SystemEntropy).unwrap());
    assert_eq!(fingerprint(&sealing_key(&path, &FailingEntropy).unwrap()), made);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(fs::read_to_string(&path).unwrap().len(), 45);
    let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["sealing.key"], "nothing is left aside");
}

#[test]
fn many_that_start_at_once_agree_on_one_key() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("sealing.key");
    let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
        let starts: Vec<_> =
            (0..8).map(|_| scope.spawn(|| fingerprint(&sealing_key(&path, &SystemEntropy).unwrap()))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn loose_modes_are_refused_with_the_mend() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("sealing.key");
    sealing_key(&path, &SystemEntropy).unwrap();
    for mode in [0o604, 0o644, 0o602, 0o661] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let message = message(&path);
        assert!(message.contains(&format!("chmod 600 {}", path.display())), "{message}");
        assert!(message.contains(&format!("{mode:04o}")), "{message}");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    assert!(sealing_key(&path, &SystemEntropy).is_ok());
}

/// The mode that the kubelet sets at each mount of a volume with `fsGroup`.
#[test]
fn a_key_that_its_group_may_use_is_narrowed_and_read() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("sealing.key");
    let made = fingerprint(&sealing_key(&path, &SystemEntropy).unwrap());
    for mode in [0o660, 0o640, 0o620, 0o610] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert_eq!(fingerprint(&sealing_key(&path, &FailingEntropy).unwrap()), made);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    }
}

#[test]
fn anything_but_32_bytes_of_base64_is_refused_and_not_shown() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("sealing.key");
    drop(private_file::make_new(&path).unwrap());
    let (short, long) = (STANDARD.encode([1; 31]), STANDARD.encode([1; 33]));
    let endless = "A".repeat(100_000);
    for content in ["", "swordfish", "####", &short, &long, &endless, "\u{ff}\u{fe}"] {
        fs::write(&path, content).unwrap();
        let message = message(&path);
        assert!(message.contains("does not hold 32 bytes as base64"), "{message}");
        assert!(content.is_empty() || !message.contains(content));
    }
    fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    assert!(message(&path).contains("does not hold 32 bytes"));
    fs::write(&path, STANDARD.encode([1; 32]) + "\r\n").unwrap();
    assert_eq!(fingerprint(&sealing_key(&path, &FailingEntropy).unwrap()), fingerprint(&SealingKey::new([1; 32])));
}

#[test]
fn what_is_no_file_is_refused() {
    let directory = TempDir::new().unwrap();
    assert!(message(directory.path()).contains("is not a regular file"));
    let dangling = directory.path().join("dangling");
    symlink(directory.path().join("nowhere/at/all"), &dangling).unwrap();
    assert!(sealing_key(&dangling, &SystemEntropy).is_err());
}

#[test]
fn without_randomness_no_key_is_made() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("sealing.key");
    assert!(matches!(sealing_key(&path, &FailingEntropy), Err(KeyFault::Entropy(_))));
    assert!(!path.exists());
}
