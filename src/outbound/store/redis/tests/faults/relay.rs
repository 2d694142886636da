//! A network between a store and its server that can be slow, stall, and break.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

#[derive(Clone, Copy, Default)]
struct Network {
    /// The delay of each byte towards the server.
    delay: Duration,
    /// Nothing passes in either direction; connections stay open.
    still: bool,
    /// New connections are closed at once.
    closed: bool,
    /// The generation of the network; connections of an earlier one are cut.
    age: u64,
}

pub(super) struct Relay {
    pub(super) port: u16,
    network: Arc<watch::Sender<Network>>,
    accepting: JoinHandle<()>,
}

impl Relay {
    pub(super) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let network = Arc::new(watch::Sender::new(Network::default()));
        let here = Arc::clone(&network);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let network = here.subscribe();
                if !network.borrow().closed {
                    tokio::spawn(relay(client, server, network));
                }
            }
        });
        Self { port, network, accepting }
    }

    pub(super) fn delay(&self, delay: Duration) {
        self.network.send_modify(|network| network.delay = delay);
    }

    pub(super) fn stand_still(&self, still: bool) {
        self.network.send_modify(|network| network.still = still);
    }

    /// Breaks every connection.
    pub(super) fn cut(&self) {
        self.network.send_modify(|network| network.age += 1);
    }

    /// Breaks every connection and closes new ones, until `open`.
    pub(super) fn close(&self) {
        self.network.send_modify(|network| {
            network.closed = true;
            network.age += 1;
        });
    }

    pub(super) fn open(&self) {
        self.network.send_modify(|network| network.closed = false);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn relay(client: TcpStream, server: u16, mut network: watch::Receiver<Network>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let age = network.borrow().age;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let there = pass(from_client, to_server, network.clone(), true);
    let back = pass(from_server, to_client, network.clone(), false);
    tokio::select! {
        () = there => {}
        () = back => {}
        _ = network.wait_for(|network| network.age != age) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut network: watch::Receiver<Network>, slow: bool) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let arrivals = network.clone();
    let reading = async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let delay = if slow { arrivals.borrow().delay } else { Duration::ZERO };
            if sender.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, bytes)) = receiver.recv().await {
            sleep_until(due).await;
            if network.wait_for(|network| !network.still).await.is_err() || to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(reading, writing);
}
