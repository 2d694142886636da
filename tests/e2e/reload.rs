//! The configuration changes while Gatepost runs.

use std::os::unix::net::UnixDatagram;

use crate::support::browser::{Browser, Protocol};
use crate::support::certificates::is_served;
use crate::support::envoy::Scenario;
use crate::support::load::Load;
use crate::support::process::eventually;
use crate::support::raw;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

const RELOADED: &str = "configuration reloaded";
const REFUSED: &str = "the changed configuration cannot be used; the earlier one stays in service";
const UNCHANGED: &str = "configuration read again; no setting changed that a reload applies";
const SIGHUP: u32 = 1;
/// The server name for which certificates are made.
const NAME: &str = "gatepost.test";

const MOTTO: &str = "    claim_headers: [{ header: X-Motto, text: semper }]\n";

/// The header that the application receives.
async fn motto(site: &Site, browser: &Browser) -> Option<String> {
    browser.open(&site.wiki("/")).await.seen().header("x-motto").map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_takes_effect_and_sessions_go_on() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = site.signed_in(Protocol::Http2).await;
    assert_eq!(motto(&site, &browser).await, None);

    let mark = site.gatepost.log().count();
    site.edit(|settings| settings.for_entries = MOTTO);
    let line = site.gatepost.logs_after(mark, RELOADED);
    assert!(
        line.text("settings").expect("names").contains("applications[Wiki].claim_headers"),
        "{:?}",
        line.text("settings")
    );
    assert_eq!(motto(&site, &browser).await.as_deref(), Some("semper"), "the session goes on, with the new header");

    // A file that cannot be used changes nothing, and says where the fault is.
    let mark = site.gatepost.log().count();
    site.edit(|settings| settings.for_entries = "    claim_headers: [{ header: X-Motto }]\n");
    let line = site.gatepost.logs_after(mark, REFUSED);
    assert!(line.text("fault").expect("a fault").contains("gatepost.yaml:"), "{:?}", line.text("fault"));
    assert_eq!(motto(&site, &browser).await.as_deref(), Some("semper"));

    // The repaired file is what is in service already.
    let mark = site.gatepost.log().count();
    site.edit(|settings| settings.for_entries = MOTTO);
    site.gatepost.logs_after(mark, UNCHANGED);
    let metrics = raw::get(site.gatepost.port("metrics"), "/metrics").await.expect("metrics");
    for line in [
        r#"gatepost_config_reloads_total{outcome="success"} 2"#,
        r#"gatepost_config_reloads_total{outcome="failure"} 1"#,
        "gatepost_config_last_reload_success_timestamp_seconds 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

/// The title of the page about an address at which there is nothing.
async fn title(site: &Site) -> String {
    let page = Browser::new(Protocol::Http1).open(&site.wiki("/outpost.goauthentik.io/nope")).await;
    let title = page.body.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    title.map_or_else(|| panic!("{page:#?}"), |(title, _)| title.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_change_with_their_files_and_the_last_good_ones_stay() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    assert_eq!(title(&site).await, "Not found");
    let texts = site.folder().join("texts.json");
    std::fs::write(&texts, r#"{ "en": { "not_found_title": "Nothing <here>" } }"#).expect("a file");
    let mark = site.gatepost.log().count();
    site.edit(|settings| settings.sections = "pages: { name: Example Ltd, texts_file: texts.json }\n");
    site.gatepost.logs_after(mark, RELOADED);
    assert_eq!(title(&site).await, "Nothing &lt;here&gt; – Example Ltd");

    let mark = site.gatepost.log().count();
    std::fs::write(&texts, r#"{ "en": { "not_found_titel": "Gone" } }"#).expect("a file");
    let line = site.gatepost.logs_after(mark, REFUSED);
    assert!(line.text("fault").expect("a fault").contains("no page has a text `not_found_titel`"));
    assert_eq!(title(&site).await, "Nothing &lt;here&gt; – Example Ltd");

    let mark = site.gatepost.log().count();
    std::fs::write(&texts, r#"{ "en": { "not_found_title": "Gone" } }"#).expect("a file");
    let line = site.gatepost.logs_after(mark, RELOADED);
    assert!(line.text("settings").expect("names").contains("pages.texts_file"), "{:?}", line.text("settings"));
    assert_eq!(title(&site).await, "Gone – Example Ltd");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_is_removed_is_not_served_and_one_that_returns_still_knows_its_users() {
    let mut site = Site::start(Scenario::SideListener, Mode::Single).await;
    let browser = site.signed_in(Protocol::Http1).await;
    let wiki = site.plan.settings.entries[0].clone();
    let mark = site.gatepost.log().count();
    site.edit(|settings| drop(settings.entries.remove(0)));
    site.gatepost.logs_after(mark, RELOADED);
    assert_eq!(browser.open(&site.wiki("/")).await.status, http::StatusCode::FORBIDDEN);
    let board = Browser::new(Protocol::Http1).sign_in(&site.at("board", "/"), "bob").await;
    assert_eq!(board.seen().header("x-authentik-username"), Some("bob"));

    let mark = site.gatepost.log().count();
    site.edit(|settings| settings.entries.insert(0, wiki));
    site.gatepost.logs_after(mark, RELOADED);
    assert_eq!(browser.open(&site.wiki("/")).await.seen().header("x-authentik-username"), Some("alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reads_the_files_and_names_what_needs_a_restart() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let mark = site.gatepost.log().count();
    site.gatepost.signal(SIGHUP);
    site.gatepost.logs_after(mark, UNCHANGED);

    let mark = site.gatepost.log().count();
    site.edit(|settings| settings.shutdown = "{ delay: 1s, grace: 5s }");
    let line = site.gatepost.logs_after(mark, "changed settings that apply after a restart only");
    assert_eq!(line.text("settings"), Some("shutdown.delay"));

    // Compared with the settings of the start, not with those that were read last.
    let mark = site.gatepost.log().count();
    site.edit(|settings| settings.shutdown = "{ delay: 0s, grace: 5s }");
    site.gatepost.logs_after(mark, "no changed setting needs a restart any more");
    assert!(site.gatepost.is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_missing_is_read_when_it_appears() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let missing = "provider: { ca_file: authorities/private.pem }\n";
    let mark = site.gatepost.log().count();
    site.edit(|settings| settings.sections = missing);
    let line = site.gatepost.logs_after(mark, REFUSED);
    assert!(line.text("fault").expect("a fault").contains("private.pem does not exist"), "{:?}", line.text("fault"));

    let mark = site.gatepost.log().count();
    let made = rcgen::generate_simple_self_signed(["authority.test".to_owned()]).expect("a certificate");
    std::fs::create_dir(site.folder().join("authorities")).expect("a folder");
    std::fs::write(site.folder().join("authorities/private.pem"), made.cert.pem()).expect("private.pem");
    let line = site.gatepost.logs_after(mark, RELOADED);
    let settings = line.text("settings").expect("names");
    assert_eq!(settings, "provider.ca_file, provider.ca_file (content)");

    // A pipe would keep the reader waiting.
    let mark = site.gatepost.log().count();
    let pipe = site.folder().join("authorities/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    std::fs::rename(&pipe, site.folder().join("authorities/private.pem")).expect("a pipe in its place");
    let line = site.gatepost.logs_after(mark, REFUSED);
    assert!(line.text("fault").expect("a fault").contains("not a regular file any more"), "{:?}", line.text("fault"));
    let mark = site.gatepost.log().count();
    std::fs::write(&pipe, made.cert.pem()).expect("a file");
    std::fs::rename(&pipe, site.folder().join("authorities/private.pem")).expect("a file in its place");
    site.gatepost.logs_after(mark, UNCHANGED);
}

/// The messages to the service manager so far, without their times.
fn received(socket: &UnixDatagram) -> Vec<String> {
    let mut messages = Vec::new();
    let mut message = [0; 256];
    while let Ok(length) = socket.recv(&mut message) {
        let text = String::from_utf8_lossy(&message[..length]).into_owned();
        messages.push(text.lines().next().unwrap_or_default().to_owned());
    }
    messages
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reload_that_was_asked_for_is_answered_to_the_service_manager() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let path = site.folder().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_nonblocking(true).expect("its mode");
    site.restart_with("NOTIFY_SOCKET", path.to_str().expect("a path"));
    // "ready" is logged before it is sent.
    eventually("it is ready", async || (received(&socket) == ["READY=1"]).then_some(())).await;

    for (change, message) in [("", UNCHANGED), ("outpost: [\n", REFUSED)] {
        site.edit(|settings| settings.sections = change);
        let mark = site.gatepost.log().count();
        site.gatepost.signal(SIGHUP);
        site.gatepost.logs_after(mark, message);
        let mut messages = Vec::new();
        eventually("the reload ends", async || {
            messages.extend(received(&socket));
            messages.ends_with(&["RELOADING=1".to_owned(), "READY=1".to_owned()]).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_during_the_start_is_noticed() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    site.gatepost.stop();
    let mut process = site.spawn_gatepost();
    // The configuration was read when this is logged, and its files are not watched yet.
    assert!(process.err.says(r#""starting""#), "{}", process.last_words());
    site.edit(|settings| settings.for_entries = MOTTO);
    assert!(process.err.says(RELOADED), "{}", process.last_words());
    process.ask_to_stop();
    assert!(process.wait().success());
}

/// Writes a certificate for [`NAME`] and its key beside gatepost.yaml, and returns the certificate (PEM).
fn write_certificate(site: &Site) -> String {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
    std::fs::write(site.folder().join("key.pem"), made.signing_key.serialize_pem()).expect("key.pem");
    std::fs::write(site.folder().join("certificate.pem"), made.cert.pem()).expect("certificate.pem");
    made.cert.pem()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_replaced_when_its_files_change() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.https = "127.0.0.1:0";
    let mut site = plan.start().await;
    let first = write_certificate(&site);
    assert!(!is_served(&site, NAME, &first).await, "a self-signed one of the start is served");

    let mark = site.gatepost.log().count();
    site.edit(|settings| settings.sections = "tls: { certificate_file: certificate.pem, private_key_file: key.pem }\n");
    site.gatepost.logs_after(mark, RELOADED);
    assert!(is_served(&site, NAME, &first).await);

    let mark = site.gatepost.log().count();
    let second = write_certificate(&site);
    site.gatepost.logs_after(mark, RELOADED);
    assert!(is_served(&site, NAME, &second).await && !is_served(&site, NAME, &first).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_reloads_under_load_lose_no_request_and_take_no_memory() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = site.signed_in(Protocol::Http1).await;
    let load = Load::start(&site);
    eventually("the load is on", async || (load.answered() > 100).then_some(())).await;
    let mut resident = Vec::new();
    for number in 0..100 {
        let mark = site.gatepost.log().count();
        site.edit(|settings| settings.for_entries = if number % 2 == 0 { MOTTO } else { "" });
        site.gatepost.signal(SIGHUP);
        site.gatepost.logs_after(mark, RELOADED);
        resident.push(site.gatepost.resident_kib());
    }
    assert_eq!(motto(&site, &browser).await, None, "the last file is in force");
    let refused = load.end().await;
    assert!(refused.is_empty(), "{refused:?}");
    // The first reloads fill what is reused afterwards.
    let (warm, last) = (resident[29], resident[99]);
    assert!(last <= warm + 4096, "{warm} KiB after 30 reloads, {last} KiB after 100: {resident:?}");
}
