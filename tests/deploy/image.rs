//! The image: what it contains, and how it is run.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::helm::{self, root};
use super::unpacked::{CONFIGURATION, STATE, USER, Unpacked, blob, build, first, is_root};

/// A path in the image, what it is, and what it leads to.
type Entry = (String, char, String);

fn add_entries(root: &Path, folder: &Path, found: &mut BTreeSet<Entry>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = fs::symlink_metadata(&path).unwrap();
        let name = format!("/{}", path.strip_prefix(root).unwrap().display());
        let is_state = name == STATE;
        if is_root() {
            let user: u32 = USER.parse().unwrap();
            let owner = if is_state { (user, user) } else { (0, 0) };
            assert_eq!((about.uid(), about.gid()), owner, "{name}");
        }
        let mode = about.permissions().mode() & 0o7777;
        if about.is_symlink() {
            found.insert((name, 'l', fs::read_link(&path).unwrap().display().to_string()));
        } else if about.is_dir() {
            assert_eq!(mode, 0o755, "{name}");
            add_entries(root, &path, found);
            if fs::read_dir(&path).unwrap().next().is_none() {
                found.insert((name, 'd', String::new()));
            }
        } else {
            assert!(about.is_file() && [0o644, 0o755].contains(&mode), "{name}: {mode:o}");
            let kind = if mode == 0o755 { 'x' } else { '-' };
            found.insert((name, kind, String::new()));
        }
    }
}

/// No shell, no package manager, no setuid, and nothing that the image's user may write but its state.
fn assert_contains_only_what_runs(image: &Unpacked) {
    let mut found = BTreeSet::new();
    add_entries(&image.root(), &image.root(), &mut found);
    let machine = std::env::consts::ARCH;
    let libraries = format!("/usr/lib/{machine}-linux-gnu");
    let (loader, name) = match machine {
        "x86_64" => ("/lib64", "ld-linux-x86-64.so.2"),
        "aarch64" => ("/lib", "ld-linux-aarch64.so.1"),
        _ => panic!("no image is built for {machine}"),
    };
    let program = "/usr/bin/gatepost".to_owned();
    let mut expected: BTreeSet<Entry> = [
        ("/authentik".to_owned(), 'l', program.clone()),
        ("/proxy".to_owned(), 'l', program.clone()),
        (format!("{loader}/{name}"), 'l', format!("{libraries}/{name}")),
        (program, 'x', String::new()),
    ]
    .into();
    for library in [name, "libc.so.6", "libgcc_s.so.1", "libm.so.6"] {
        expected.insert((format!("{libraries}/{library}"), 'x', String::new()));
    }
    for file in ["/etc/group", "/etc/nsswitch.conf", "/etc/passwd", "/etc/ssl/certs/ca-certificates.crt"] {
        expected.insert((file.to_owned(), '-', String::new()));
    }
    for package in ["ca-certificates", "libc6", "libgcc-s1"] {
        expected.insert((format!("/usr/share/doc/{package}/copyright"), '-', String::new()));
    }
    expected.insert(("/usr/share/doc/gatepost/LICENSE".to_owned(), '-', String::new()));
    for folder in ["/dev", "/proc", "/sys", "/run/secrets", CONFIGURATION, STATE] {
        expected.insert((folder.to_owned(), 'd', String::new()));
    }
    assert_eq!(found, expected);

    let users = fs::read_to_string(image.root().join("etc/passwd")).unwrap();
    assert!(users.contains(&format!("\ngatepost:x:{USER}:{USER}::{STATE}:/sbin/nologin\n")), "{users}");
}

/// Every setting, so that a change of deploy/Containerfile is a change here.
fn assert_is_run_without_privileges(image: &Unpacked) {
    let expected = json!({
        "Env": ["PATH=/usr/bin", "STATE_DIRECTORY=/var/lib/gatepost"],
        "WorkingDir": "/var/lib/gatepost",
        "Volumes": { "/var/lib/gatepost": {} },
        "ExposedPorts": { "9000/tcp": {}, "9001/tcp": {}, "9300/tcp": {}, "9443/tcp": {} },
        "User": "65532:65532",
        "StopSignal": "SIGTERM",
        "Healthcheck": {
            "Test": ["CMD", "/usr/bin/gatepost", "healthcheck"],
            "Interval": 10_000_000_000_u64,
            "Timeout": 5_000_000_000_u64,
            "StartPeriod": 60_000_000_000_u64,
            "Retries": 3,
        },
        "Entrypoint": ["/usr/bin/gatepost"],
        "Cmd": ["serve"],
        "Labels": {
            "org.opencontainers.image.title": "Gatepost",
            "org.opencontainers.image.description": env!("CARGO_PKG_DESCRIPTION"),
            "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    });
    assert_eq!(image.config, expected);
}

#[test]
fn the_image_contains_only_what_runs_and_says_how() {
    let image = Unpacked::new();
    assert_contains_only_what_runs(&image);
    assert_is_run_without_privileges(&image);
}

#[test]
fn the_chart_runs_the_image_as_it_is_made() {
    let chart = helm::render_one(json!({
        "image": { "repository": "registry.example.com/gatepost" },
        "config": { "applications": [{
            "name": "Wiki", "external_host": "https://wiki.example.com", "issuer": "https://sso.example.com/",
            "client_id": "wiki", "client_secret": "${SECRET}",
        }] },
    }));
    let container = chart.container();
    assert_eq!(container["image"], format!("registry.example.com/gatepost:{}", env!("CARGO_PKG_VERSION")));
    let context = &chart.pod()["securityContext"];
    let user: u32 = USER.parse().unwrap();
    assert_eq!((&context["runAsUser"], &context["runAsGroup"]), (&json!(user), &json!(user)));
    // It keeps the entry point, so these are the arguments.
    assert_eq!((&container["command"], &container["args"]), (&Value::Null, &json!(["serve"])));
    let mounts = container["volumeMounts"].as_array().unwrap();
    let paths: Vec<_> = mounts.iter().map(|mount| mount["mountPath"].as_str().unwrap()).collect();
    assert!(paths.starts_with(&[CONFIGURATION, STATE]), "{paths:?}");
}

/// A small static program for another architecture, perhaps, than this machine's. It is never run.
fn program(folder: &Path, triplet: &str) -> PathBuf {
    let [source, object, program] = ["s", "o", "program"].map(|kind| folder.join(format!("{triplet}.{kind}")));
    fs::write(&source, ".global _start\n_start: ret\n").unwrap();
    for (tool, made, from) in [("as", &object, &source), ("ld", &program, &object)] {
        let tool = format!("{triplet}-{tool}");
        let status = Command::new(&tool).args([Path::new("-o"), made, from]).status();
        assert!(status.unwrap_or_else(|fault| panic!("{tool}: {fault}; run `make tools`")).success());
    }
    program
}

#[test]
fn the_same_program_makes_the_same_image() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(folder.path(), "aarch64-linux-gnu");
    let digest = |name: &str| {
        let layout = folder.path().join(name);
        build(&layout, &[&program]);
        first(&layout)["digest"].clone()
    };
    assert_eq!(digest("first"), digest("second"));
}

#[test]
fn an_image_for_two_architectures_is_one_index() {
    let folder = tempfile::tempdir().unwrap();
    let [amd64, arm64] = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map(|triplet| program(folder.path(), triplet));
    let layout = folder.path().join("layout");
    let said = build(&layout, &[&amd64, &arm64]);
    let index = first(&layout);
    assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
    assert_eq!(index["annotations"]["org.opencontainers.image.ref.name"], env!("CARGO_PKG_VERSION"));
    assert!(said.contains(index["digest"].as_str().unwrap()), "{said}");
    let images = blob(&layout, &index);
    for (number, architecture) in ["amd64", "arm64"].into_iter().enumerate() {
        let image = &images["manifests"][number];
        assert_eq!(image["platform"], json!({ "architecture": architecture, "os": "linux" }));
        let description = blob(&layout, &blob(&layout, image)["config"]);
        assert_eq!(description["architecture"], architecture);
        assert!(said.contains(&format!("{architecture}: {}", image["digest"].as_str().unwrap())), "{said}");
    }
}

#[test]
fn what_is_no_program_or_no_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let script = root().join("deploy/image/build");
    let refusal = |target: &Path, program: &Path| {
        let output = Command::new(&script).args([target, program]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refusal(&folder.path().join("layout"), &root().join("Cargo.toml"));
    assert!(said.contains("Cargo.toml is no program for one of amd64, arm64"), "{said}");
    // A folder that somebody else filled is not emptied.
    fs::write(folder.path().join("kept"), "").unwrap();
    let said = refusal(folder.path(), Path::new(env!("CARGO_BIN_EXE_gatepost")));
    assert!(said.contains("exists, and is no image layout"), "{said}");
    assert!(folder.path().join("kept").exists());
}
