//! The demo itself, as `make demo` runs it, with the binary under test.

use std::path::Path;
use std::process::Command;

use http::StatusCode;

use crate::chromium::run_chromium;
use crate::support::browser::{Browser, Protocol};
use crate::support::process::Process;
use crate::support::tools;

struct Demo {
    process: Process,
    wiki: String,
    board: String,
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(tools::root().join("envoy/demo/run.py"));
        command.args(["--free-ports", "--binary", env!("CARGO_BIN_EXE_gatepost"), "--folder"]).arg(folder);
        let process = Process::start("demo", &mut command);
        let address = |label: &str| {
            let start = format!("http://{label}.demo.localhost:");
            let word = process
                .out
                .find(|line| line.split_whitespace().find(|word| word.starts_with(&start)).map(str::to_owned));
            word.unwrap_or_else(|| panic!("no address\n{}", process.last_words()))
        };
        let (wiki, board) = (address("wiki"), address("board"));
        process.out.find(|line| line.contains("Ctrl-C").then_some(()));
        Self { process, wiki, board }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_keeps_its_promises() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut demo = Demo::start(folder.path());
    let browser = Browser::new(Protocol::Http1);
    let public = browser.open(&format!("{}public/", demo.wiki)).await;
    assert!(public.body.contains("Nobody is signed in"), "{public:#?}");
    let wiki = browser.sign_in(&demo.wiki, "alice").await;
    assert!(wiki.body.contains("You are Alice Doe."), "{wiki:#?}");
    let board = browser.open(&demo.board).await;
    assert!(board.body.contains("You are Alice Doe."), "signed in at once: {board:#?}");
    let carol = Browser::new(Protocol::Http1).sign_in(&demo.wiki, "carol").await;
    assert!(carol.status == StatusCode::FORBIDDEN && carol.body.contains("carol"), "{carol:#?}");
    let unlisted = Browser::new(Protocol::Http1).sign_in(&demo.wiki, "mallory").await;
    assert_eq!(unlisted.status, StatusCode::FORBIDDEN, "{unlisted:#?}");
    run_chromium(&[&demo.wiki, &demo.board, "Bob Roe"]);

    demo.process.interrupt();
    assert_eq!(demo.process.wait().code(), Some(0), "{}", demo.process.last_words());
    for log in ["envoy", "gatepost", "provider", "applications"] {
        assert!(folder.path().join(format!("{log}.log")).exists(), "the log of {log}");
    }
    let port = demo.wiki.rsplit(':').next().and_then(|rest| rest.trim_end_matches('/').parse().ok()).expect("a port");
    assert!(crate::support::raw::get(port, "/").await.is_none(), "nothing is left running");
}

#[test]
fn the_demo_says_which_part_died() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(tools::root().join("envoy/demo/run.py"));
    command.args(["--free-ports", "--binary", "/bin/false", "--folder"]).arg(folder.path());
    let mut process = Process::start("demo", &mut command);
    assert_eq!(process.wait().code(), Some(1));
    let said = process.out.find(|line| line.contains("gatepost ended by itself").then_some(()));
    assert!(said.is_some(), "{}", process.last_words());
}
