//! The systemd unit: systemd reads every line of it, and rates what the service can do beyond its purpose.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use super::helm::root;

/// The greatest exposure that `systemd-analyze security` may find, of 10; a service without any restriction has 9.6.
const MAX_EXPOSURE: f64 = 2.0;
/// The first version of systemd with `Type=notify-reload`.
const NOTIFY_RELOAD: u32 = 253;

fn unit() -> String {
    fs::read_to_string(root().join("deploy/systemd/gatepost.service")).unwrap()
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).env("SYSTEMD_COLORS", "0").env("SYSTEMD_PAGER", "").output();
    output.unwrap_or_else(|fault| panic!("{program}: {fault}; run `make tools`"))
}

/// A folder with `unit` as `gatepost.service`, whose program is the tested one.
fn folder_with(unit: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let installed = unit.replace("/usr/bin/gatepost", env!("CARGO_BIN_EXE_gatepost"));
    assert_ne!(installed, unit);
    fs::write(folder.path().join("gatepost.service"), installed).unwrap();
    folder
}

/// What systemd complains about.
fn complaints(unit: &str) -> Vec<String> {
    let folder = folder_with(unit);
    let file = folder.path().join("gatepost.service");
    let output = run("systemd-analyze", &["verify", "--man=no", "--recursive-errors=no", file.to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    let mut lines: Vec<_> = said.lines().filter(|line| line.contains("gatepost")).map(str::to_owned).collect();
    lines.dedup();
    lines
}

fn version() -> u32 {
    let output = run("systemd-analyze", &["--version"]);
    let said = String::from_utf8(output.stdout).unwrap();
    said.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn systemd_understands_every_line_of_the_unit() {
    let complaints = complaints(&unit());
    // An earlier systemd keeps the line before, `Type=notify`.
    let known = |line: &String| version() < NOTIFY_RELOAD && line.ends_with("ignoring: notify-reload");
    assert!(complaints.iter().all(known), "{complaints:?}");
    assert!(unit().contains("\nType=notify\nType=notify-reload\n"));
}

/// The comparison itself: a misspelt key and a program that does not exist are found.
#[test]
fn systemd_finds_faults_in_a_unit() {
    let misspelt = unit().replace("ProtectHome=", "ProtectHomes=");
    assert!(complaints(&misspelt).iter().any(|line| line.contains("ProtectHomes")));
    let absent = unit().replace("ExecStart=/usr/bin/gatepost", "ExecStart=/usr/bin/gatepost-that-is-absent");
    assert!(complaints(&absent).iter().any(|line| line.contains("is not executable")));
}

#[test]
fn the_service_can_do_little_beyond_its_purpose() {
    let folder = folder_with(&unit());
    let file = folder.path().join("gatepost.service");
    let output = run("systemd-analyze", &["security", "--offline=true", "--no-pager", file.to_str().unwrap()]);
    let said = String::from_utf8(output.stdout).unwrap();
    let (_, exposure) = said.split_once("Overall exposure level for gatepost.service: ").unwrap();
    let exposure: f64 = exposure.split_whitespace().next().unwrap().parse().unwrap();
    assert!(exposure <= MAX_EXPOSURE, "{said}");
}

/// The time before SIGKILL is longer than the program's own limits, which the comment in the unit names.
#[test]
fn the_unit_waits_for_the_programs_shutdown() {
    let schema: serde_json::Value = serde_json::from_str(&gatepost::config::schema()).unwrap();
    let default = |key: &str| {
        let default = &schema.pointer(&format!("/properties/shutdown/anyOf/0/properties/{key}/default")).unwrap();
        default.as_str().unwrap().strip_suffix('s').unwrap().parse::<u32>().unwrap()
    };
    let unit = unit();
    let (_, wait) = unit.split_once("\nTimeoutStopSec=").unwrap();
    let wait: u32 = wait.lines().next().unwrap().parse().unwrap();
    assert!(wait > default("delay") + default("grace"), "{wait}");
}

/// The condition of the start, as the unit has it, with these variables and this configuration.
fn starts(configuration: Option<&str>, variables: &[(&str, &str)]) -> bool {
    let unit = unit();
    let (_, condition) = unit.split_once("\nExecCondition=/bin/sh -c '").unwrap();
    let condition = condition.lines().next().unwrap().strip_suffix('\'').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gatepost.yaml");
    if let Some(text) = configuration {
        fs::write(&file, text).unwrap();
    }
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", condition]).env("GATEPOST_CONFIG", &file).envs(variables.iter().copied());
    shell.status().unwrap().success()
}

#[test]
fn the_service_starts_only_where_there_is_a_configuration() {
    let shipped = fs::read_to_string(root().join("deploy/debian/gatepost.yaml")).unwrap();
    assert!(!starts(Some(&shipped), &[]));
    assert!(!starts(None, &[]) && !starts(Some("# applications:\n\n"), &[]));
    assert!(starts(Some("# Ours.\napplications: []\n"), &[]));
    assert!(starts(Some(&shipped), &[("AUTHENTIK_HOST", "https://authentik.example.com")]));
    assert!(starts(None, &[("GATEPOST_EXTERNAL_HOST", "https://wiki.example.com"), ("GATEPOST_CONFIG", "")]));
}

#[test]
fn systemd_makes_the_user_of_the_unit() {
    let root_folder = tempfile::tempdir().unwrap();
    let file = root().join("deploy/systemd/sysusers.conf");
    fs::create_dir(root_folder.path().join("etc")).unwrap();
    let at = format!("--root={}", root_folder.path().display());
    let output = run("systemd-sysusers", &[&at, file.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let users = fs::read_to_string(root_folder.path().join("etc/passwd")).unwrap();
    assert!(
        users.starts_with("gatepost:x:") && users.trim_end().ends_with(":/var/lib/gatepost:/usr/sbin/nologin"),
        "{users}"
    );
    assert!(unit().contains("\nUser=gatepost\nGroup=gatepost\n"));
    // systemd reads it as root, so other users must not be able to write it.
    let mode = fs::metadata(Path::new(&file)).unwrap().permissions().mode();
    assert_eq!(mode & 0o022, 0);
}
