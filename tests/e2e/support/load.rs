//! Requests at full speed, while something else happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use http::StatusCode;

use super::browser::{Browser, Protocol};
use super::site::Site;

/// Browsers that open a public page repeatedly until stopped; counts good answers, and collects bad ones.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    browsers: Vec<tokio::task::JoinHandle<Vec<(Instant, StatusCode)>>>,
}

impl Load {
    pub(crate) fn start(site: &Site) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let browsers = (0..8).map(|number| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            let address = site.wiki(&format!("/public/{number}"));
            let protocol = Protocol::BOTH[number % 2];
            tokio::spawn(async move {
                let browser = Browser::new(protocol);
                let mut refused = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let page = browser.open(&address).await;
                    match page.status {
                        StatusCode::OK => _ = answered.fetch_add(1, Ordering::Relaxed),
                        status => refused.push((Instant::now(), status)),
                    }
                }
                refused
            })
        });
        Self { browsers: browsers.collect(), stop, answered }
    }

    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Stops the load and returns the times and statuses of bad answers.
    pub(crate) async fn end(self) -> Vec<(Instant, StatusCode)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut refused = Vec::new();
        for browser in self.browsers {
            refused.extend(browser.await.expect("a browser"));
        }
        refused
    }
}
