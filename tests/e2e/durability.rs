//! Gatepost stops and starts; sign-in attempts and sessions survive.

use std::fs::{Permissions, metadata, read_dir, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use http::StatusCode;

use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::process::eventually;
use crate::support::settings::Mode;
use crate::support::site::Site;

/// Waits until Envoy has a connection to the new process.
async fn is_back(site: &Site) {
    let nobody = Browser::new(Protocol::Http1);
    eventually("Envoy reaches Gatepost again", async || {
        let page = nobody.open(&site.wiki("/public/")).await;
        page.status.is_success().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_mid_sign_in_goes_unnoticed() {
    for scenario in Scenario::BOTH {
        let mut site = Site::start(scenario, Mode::Single).await;
        let browser = Browser::new(Protocol::Http1);
        let address = site.wiki("/deep?x=1");
        let form = browser.visit(&address).await;
        site.gatepost.stop();
        site.start_gatepost();
        is_back(&site).await;
        let page = browser.fill_in(&form, "alice").await;
        assert_eq!(page.url.as_str(), address);
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_survive_a_restart_and_kill_9() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Domain).await;
    let browser = site.signed_in(Protocol::Http2).await;
    site.gatepost.stop();
    site.start_gatepost();
    is_back(&site).await;
    let page = browser.open(&site.wiki("/after-restart")).await;
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));

    // The last session that was saved before the process is killed.
    let late = Browser::new(Protocol::Http1);
    late.sign_in(&site.wiki("/"), "bob").await;
    site.gatepost.kill();
    site.start_gatepost();
    is_back(&site).await;
    for (browser, name) in [(&browser, "alice"), (&late, "bob")] {
        let page = browser.open(&site.wiki("/after-kill")).await;
        assert_eq!(page.seen().header("x-authentik-username"), Some(name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_gatepost_envoy_lets_nobody_through() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = site.signed_in(Protocol::Http1).await;
    let reached = site.application.seen().len();
    site.gatepost.kill();
    for path in ["/", "/public/"] {
        let page = browser.open(&site.wiki(path)).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{page:#?}");
    }
    assert_eq!(site.application.seen().len(), reached, "nothing reached the application");
}

/// The session file, its companions and the sealing key.
fn files_of(site: &Site) -> Vec<PathBuf> {
    let entries = read_dir(site.folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let is_ours = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("sessions."));
    entries.filter(is_ours).collect()
}

/// What the kubelet does to a volume with `fsGroup` at each mount: files get `g+rw`, directories `g+rws`.
fn remount(site: &Site) -> usize {
    let files = files_of(site);
    for path in &files {
        set_permissions(path, Permissions::from_mode(0o660)).expect("ours");
    }
    set_permissions(site.folder(), Permissions::from_mode(0o2770)).expect("ours");
    files.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_survive_the_remount_of_a_kubernetes_volume() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = site.signed_in(Protocol::Http1).await;
    for stop in [true, false] {
        if stop {
            site.gatepost.stop();
        } else {
            site.gatepost.kill();
        }
        assert!(remount(&site) >= 2, "the session file and the sealing key");
        site.start_gatepost();
        is_back(&site).await;
        let page = browser.open(&site.wiki("/after-remount")).await;
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
        for path in files_of(&site) {
            let mode = metadata(&path).expect("is there").permissions().mode() & 0o7777;
            assert_eq!(mode, 0o600, "{}", path.display());
        }
        let log = site.gatepost.log().text();
        let warnings: Vec<&str> = log.lines().filter(|line| line.contains("had mode 0660")).collect();
        assert!(warnings.iter().any(|line| line.contains(".key had") && line.contains("back to mode 0600")), "{log}");
        assert!(warnings.len() >= 2, "{log}");
    }
}

/// Beyond a limit on the size of files a write fails; SIGXFSZ, if not handled, would end the process.
#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_can_be_written_sign_ins_fail_and_signed_in_users_go_on() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let alice = site.signed_in(Protocol::Http1).await;
    let bob = Browser::new(Protocol::Http1);
    let form = bob.visit(&site.wiki("/bob")).await;
    site.gatepost.limit_file_size("0");
    let refused = bob.fill_in(&form, "bob").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{refused:#?}");
    let page = alice.open(&site.wiki("/full")).await;
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    assert!(site.gatepost.is_running());

    site.gatepost.limit_file_size("unlimited");
    // bob has a session at the provider by now.
    let page = bob.visit(&site.wiki("/room-again")).await;
    assert_eq!(page.seen().header("x-authentik-username"), Some("bob"));
    site.gatepost.stop();
}
