//! The Debian package: built from the tested program, installed into a folder in place of the machine's root, and removed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::helm::root;

/// Runs a program that has to succeed; its output.
fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    // The program with its debugging information is large, and is not compressed here as it is for a release.
    command.args(arguments).envs([("DPKG_DEB_COMPRESSOR_TYPE", "gzip"), ("DPKG_DEB_COMPRESSOR_LEVEL", "1")]);
    let output = command.output().unwrap_or_else(|fault| panic!("{program}: {fault}; run `make tools`"));
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn build(folder: &Path) -> String {
    let script = root().join("deploy/debian/build");
    let said = run(script.to_str().unwrap(), &[env!("CARGO_BIN_EXE_gatepost"), folder.to_str().unwrap()]);
    said.trim_end().to_owned()
}

/// A folder in place of `/`, and dpkg's own state in it.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for path in ["etc", "var/lib/dpkg/updates", "var/lib/dpkg/info"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        fs::write(folder.path().join("var/lib/dpkg/status"), "").unwrap();
        Self(folder)
    }

    /// The maintainer scripts run outside of the folder, with its name in `DPKG_ROOT`.
    fn dpkg(&self, action: &str, of: &str) {
        let at = format!("--root={}", self.0.path().display());
        let forced = ["--force-not-root", "--force-depends", "--force-script-chrootless"];
        run("fakeroot", &[&["dpkg", &at], &forced[..], &[action, of]].concat());
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.path(path)).unwrap().permissions().mode() & 0o7777
    }
}

#[test]
fn the_package_has_what_a_debian_user_expects() {
    let folder = tempfile::tempdir().unwrap();
    let package = build(folder.path());
    let field = |name: &str| run("dpkg-deb", &["--field", &package, name]).trim_end().to_owned();
    assert_eq!((field("Package"), field("Version")), ("gatepost".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    assert_eq!(field("Architecture"), run("dpkg", &["--print-architecture"]).trim_end());
    let depends = field("Depends");
    assert!(depends.starts_with("libc6 (>= ") && depends.contains("init-system-helpers, systemd |"), "{depends}");

    let listing = run("dpkg-deb", &["--contents", &package]);
    let files: BTreeSet<_> = listing
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| !columns[5].ends_with('/'))
        .map(|columns| {
            assert_eq!(columns[1], "root/root", "{columns:?}");
            (columns[5].trim_start_matches('.').to_owned(), columns[0].to_owned())
        })
        .collect();
    for (path, mode) in [
        ("/usr/bin/gatepost", "-rwxr-xr-x"),
        ("/usr/lib/systemd/system/gatepost.service", "-rw-r--r--"),
        ("/usr/lib/sysusers.d/gatepost.conf", "-rw-r--r--"),
        ("/usr/lib/tmpfiles.d/gatepost.conf", "-rw-r--r--"),
        ("/etc/gatepost/gatepost.yaml", "-rw-r-----"),
        ("/usr/share/man/man1/gatepost.1.gz", "-rw-r--r--"),
        ("/usr/share/man/man1/gatepost-sessions-end.1.gz", "-rw-r--r--"),
        ("/usr/share/bash-completion/completions/gatepost", "-rw-r--r--"),
        ("/usr/share/zsh/vendor-completions/_gatepost", "-rw-r--r--"),
        ("/usr/share/fish/vendor_completions.d/gatepost.fish", "-rw-r--r--"),
        ("/usr/share/doc/gatepost/copyright", "-rw-r--r--"),
        ("/usr/share/doc/gatepost/changelog.gz", "-rw-r--r--"),
    ] {
        assert!(files.contains(&(path.to_owned(), mode.to_owned())), "{path} in {files:?}");
    }
    for name in ["README.md", "docs/operations.md", "envoy/inside-the-check/envoy.yaml", "src/config/REFERENCE.md"] {
        assert!(files.contains(&(format!("/usr/share/doc/gatepost/{name}"), "-rw-r--r--".to_owned())), "{name}");
    }
    assert_eq!(run("dpkg-deb", &["--info", &package, "conffiles"]), "/etc/gatepost/gatepost.yaml\n");
}

/// What a document links to is in the package, except for what only the repository has.
#[test]
fn the_documents_of_the_package_lead_to_each_other() {
    const ELSEWHERE: [&str; 7] =
        ["tests/", "deploy/helm/", "envoy/demo/", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"];
    let folder = tempfile::tempdir().unwrap();
    let package = build(folder.path());
    let unpacked = tempfile::tempdir().unwrap();
    run("dpkg-deb", &["--extract", &package, unpacked.path().to_str().unwrap()]);
    let documentation = unpacked.path().join("usr/share/doc/gatepost");
    let link = regex::Regex::new(r"\]\(([^)\s#:]+)(?:#[^)\s]*)?\)").unwrap();
    let mut documents = vec![documentation.join("README.md")];
    documents.extend(fs::read_dir(documentation.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    let mut links = 0;
    for document in documents.iter().filter(|path| path.extension().is_some_and(|it| it == "md")) {
        let text = fs::read_to_string(document).unwrap();
        for found in link.captures_iter(&text) {
            let target = found[1].trim_start_matches("../");
            links += 1;
            let is_there = document.parent().unwrap().join(&found[1]).exists();
            assert!(is_there || ELSEWHERE.iter().any(|start| target.starts_with(start)), "{document:?}: {target}");
        }
    }
    assert!(links > 100, "only {links} links were recognised");
}

#[test]
fn the_package_is_installed_removed_and_purged() {
    let folder = tempfile::tempdir().unwrap();
    let package = build(folder.path());
    let machine = Machine::new();
    machine.dpkg("--install", &package);
    let version = Command::new(machine.path("usr/bin/gatepost")).arg("--version").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&version.stdout), concat!("gatepost ", env!("CARGO_PKG_VERSION"), "\n"));
    let users = fs::read_to_string(machine.path("etc/passwd")).unwrap();
    assert!(users.starts_with("gatepost:x:"), "{users}");
    assert_eq!((machine.mode("etc/gatepost"), machine.mode("etc/gatepost/gatepost.yaml")), (0o750, 0o640));
    // It is enabled; the unit's condition keeps it from starting until it is configured.
    let enabled = machine.path("etc/systemd/system/multi-user.target.wants/gatepost.service");
    assert!(fs::read_link(&enabled).unwrap().ends_with("lib/systemd/system/gatepost.service"));

    // What the administrator wrote, and the sessions, stay until the package is purged.
    fs::write(machine.path("etc/gatepost/gatepost.yaml"), "applications: []\n").unwrap();
    fs::create_dir_all(machine.path("var/lib/gatepost")).unwrap();
    fs::write(machine.path("var/lib/gatepost/sessions.db"), "").unwrap();
    machine.dpkg("--install", &package);
    assert_eq!(fs::read_to_string(machine.path("etc/gatepost/gatepost.yaml")).unwrap(), "applications: []\n");
    machine.dpkg("--remove", "gatepost");
    assert!(!machine.path("usr/bin/gatepost").exists());
    assert!(
        machine.path("etc/gatepost/gatepost.yaml").exists() && machine.path("var/lib/gatepost/sessions.db").exists()
    );
    machine.dpkg("--purge", "gatepost");
    assert!(!machine.path("etc/gatepost").exists() && !machine.path("var/lib/gatepost").exists());
    assert!(fs::symlink_metadata(&enabled).is_err(), "it is still enabled");
}
