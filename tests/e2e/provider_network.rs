//! A provider that Gatepost reaches at another address than browsers do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::support::browser::Protocol;
use crate::support::envoy::Scenario;
use crate::support::settings::Mode;
use crate::support::site::Plan;

/// Copies the bytes of connections to the provider, and counts them.
struct Relay {
    port: u16,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Relay {
    async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                open.spawn(async move {
                    if let Ok(mut provider) = TcpStream::connect(("127.0.0.1", target)).await {
                        drop(tokio::io::copy_bidirectional(&mut stream, &mut provider).await);
                    }
                });
            }
        });
        Self { port, connections, task }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_back_channel_has_an_address_of_its_own_through_envoy() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    let relay = Relay::start(plan.provider.port).await;
    plan.settings.for_entries = format!("    backchannel_base: http://127.0.0.1:{}\n", relay.port).leak();
    let site = plan.start().await;
    let browser = site.signed_in(Protocol::Http2).await;
    assert!(relay.connections.load(Ordering::Relaxed) > 0, "keys and tokens came that way");
    for address in browser.trail() {
        assert_ne!(address.port(), Some(relay.port), "browsers never see it: {address}");
    }
    drop(relay);
    let page = browser.open(&site.wiki("/")).await;
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"), "sessions do not need it");
}
