//! FI-7: access to files by mode and owner.

use tempfile::TempDir;

use super::*;

fn file_with(mode: u32) -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, "content").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    (directory, path)
}

fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & ALL_BITS
}

#[test]
fn group_permissions_of_our_own_file_are_taken_away() {
    for (mode, narrowed) in [
        (0o660, 0o600),
        (0o640, 0o600),
        (0o670, 0o600),
        (0o620, 0o600),
        (0o610, 0o600),
        (0o2660, 0o600),
        (0o440, 0o400),
        (0o600, 0o600),
        (0o400, 0o400),
    ] {
        let (_directory, path) = file_with(mode);
        assert!(open_existing(&path).unwrap().is_some(), "{mode:o}");
        assert_eq!(mode_of(&path), narrowed, "{mode:o}");
    }
}

/// Opening it would wait for a writer.
#[test]
fn a_pipe_is_refused_at_once() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert!(matches!(open_existing(&path), Err(PrivacyFault::NotAFile { .. })));
}

/// The modes that the kubelet sets on a volume: files 0660, directories 2770.
#[test]
fn a_directory_of_the_group_is_no_obstacle() {
    let (directory, path) = file_with(0o660);
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o2770)).unwrap();
    drop(open_or_make(&path).unwrap());
    assert_eq!(mode_of(&path), 0o600);
    assert_eq!(std::fs::read(&path).unwrap(), b"content");
}

#[test]
fn what_everybody_may_use_is_refused_and_left_as_it_is() {
    for mode in [0o604, 0o602, 0o601, 0o664, 0o666, 0o777] {
        let (_directory, path) = file_with(mode);
        for refused in [open_existing(&path).map(drop), open_or_make(&path).map(drop)] {
            let message = refused.unwrap_err().to_string();
            assert!(message.contains(&format!("has mode {mode:04o}, so other users may access it")), "{message}");
            assert!(message.contains(&format!("chmod 600 {}", path.display())), "{message}");
        }
        assert_eq!(mode_of(&path), mode);
    }
}

#[test]
fn a_file_that_stays_open_to_its_group_is_refused() {
    let (_directory, path) = file_with(0o660);
    let file = File::open(&path).unwrap();
    let refused = check_with(&file, &path, |_| Err(io::ErrorKind::ReadOnlyFilesystem.into()));
    let message = refused.unwrap_err().to_string();
    for part in ["has mode 0660, so its group may use it", "0600 (read-only filesystem", "chmod 600", "writable"] {
        assert!(message.contains(part), "{message}");
    }
    // Accepted and ignored, as some network file systems do.
    let refused = check_with(&file, &path, |_| Ok(()));
    assert!(refused.unwrap_err().to_string().contains("ignores modes"));
}

#[test]
fn the_file_of_another_user_is_refused_whatever_its_mode() {
    for mode in [0o600, 0o660] {
        let (_directory, path) = file_with(mode);
        // Only the superuser can change the owner of a file; otherwise there is nothing to test.
        if std::os::unix::fs::chown(&path, Some(12345), None).is_ok() {
            let message = open_existing(&path).unwrap_err().to_string();
            assert!(message.contains("belongs to user 12345"), "{message}");
            assert_eq!(mode_of(&path), mode);
        }
    }
}

#[test]
fn appending_goes_through_no_link() {
    let (directory, key) = file_with(0o600);
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&key, &link).unwrap();
    assert!(matches!(open_to_append(&link), Err(PrivacyFault::Io { .. })));
    assert!(open_to_append(&key).is_ok());
    assert_eq!(std::fs::read(&key).unwrap(), b"content");
}
