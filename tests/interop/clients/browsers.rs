//! Browsers, driven by their own `WebDriver`s.

use std::process::Command;

use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{Cells, OTHER};
use crate::front_proxies::program::newest_envoy;
use crate::front_proxies::site::{Listener, Site};
use crate::support::ports::free_port;
use crate::support::process::{Process, eventually};
use crate::support::tools;
use crate::table::Cell;
use crate::version::{interop, said_by};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Browser {
    Chromium,
    Firefox,
    WebKit,
}

impl Browser {
    fn version(self) -> String {
        let mut command = match self {
            Self::Chromium => Command::new(tools::installed("chromium")),
            Self::Firefox => Command::new(tools::installed("firefox-esr")),
            // Its driver says none.
            Self::WebKit => Command::new(tools::installed("dpkg-query")),
        };
        said_by(match self {
            Self::Chromium | Self::Firefox => command.arg("--version"),
            Self::WebKit => command.args(["--show", "webkit2gtk-driver"]),
        })
    }

    fn driver(self, port: u16) -> Command {
        let mut command = match self {
            Self::Chromium => Command::new(tools::installed("chromedriver")),
            Self::Firefox => Command::new(interop("bin/geckodriver")),
            Self::WebKit => Command::new(tools::installed("WebKitWebDriver")),
        };
        match self {
            Self::Firefox => command.args(["--host", "127.0.0.1", "--port", &port.to_string()]),
            Self::Chromium | Self::WebKit => command.arg(format!("--port={port}")),
        };
        command
    }

    fn capabilities(self) -> Value {
        match self {
            Self::Chromium => json!({ "goog:chromeOptions": {
                "binary": tools::installed("chromium"),
                "args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"],
            }}),
            Self::Firefox => json!({ "moz:firefoxOptions": {
                "binary": tools::installed("firefox-esr"),
                "args": ["-headless"],
                // Otherwise it shows the answers of the application in a viewer, whose links come from another site.
                "prefs": { "devtools.jsonview.enabled": false },
            }}),
            Self::WebKit => json!({}),
        }
    }
}

/// A display for a browser that has no mode without one.
fn display() -> (Process, String) {
    let mut command = Command::new(tools::installed("Xvfb"));
    let process =
        Process::start("Xvfb", command.args(["-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp"]));
    let number = process.out.find(|line| line.trim().parse::<u32>().ok());
    let number = number.unwrap_or_else(|| panic!("no display\n{}", process.last_words()));
    (process, format!(":{number}"))
}

/// The parts that the walk went through, and why it ended before its end.
struct Walk {
    parts: String,
    complaint: String,
}

async fn walk(browser: Browser, listener: Listener) -> Walk {
    let site = Site::start(&newest_envoy(), listener).await;
    let home = tempfile::tempdir().expect("a folder");
    let display = (browser == Browser::WebKit).then(display);
    let port = free_port();
    let mut command = browser.driver(port);
    command.env("HOME", home.path()).env("TMPDIR", home.path());
    if let Some((_, name)) = &display {
        command.env("DISPLAY", name);
    }
    let mut driver = Process::start("WebDriver", &mut command);
    eventually("the driver listens", async || {
        assert!(driver.is_running(), "{}", driver.last_words());
        TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
    let script = tools::root().join("tests/interop/clients/webdriver.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(format!("http://127.0.0.1:{port}")).arg(browser.capabilities().to_string());
    let output = command.args([&site.wiki("/"), &site.wiki("/second"), "alice"]).output().expect("node runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Walk { parts: text(&output.stdout), complaint: text(&output.stderr) }
}

#[expect(clippy::unused_async, reason = "a check of a cell is a future")]
async fn expect(walk: &Walk, part: &str) {
    assert!(walk.parts.contains(part), "{}", walk.complaint);
}

pub(super) async fn row(browser: Browser) -> (String, Cells) {
    let over_tls = walk(browser, Listener::Tls).await;
    let signs_in = Cell::of(expect(&over_tls, "signed in")).await;
    let signs_out = Cell::of(expect(&over_tls, "signed out")).await;
    let over_http = match browser {
        Browser::WebKit => Cell::NotApplicable("keeps no Secure cookie"),
        Browser::Chromium | Browser::Firefox => {
            Cell::of(expect(&walk(browser, Listener::Plain).await, "signed out")).await
        }
    };
    (browser.version(), [OTHER, OTHER, OTHER, OTHER, OTHER, signs_in, signs_out, over_http])
}
