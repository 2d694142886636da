//! A listening socket whose accept loop survives exhausted file descriptors, aborted connections and floods.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ipnet::IpNet;
use metrics::Gauge;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

use super::limits::{ConnectionLimits, ConnectionPermit, ConnectionPermits, Full};
use crate::telemetry::names;

/// The pause after a failed accept; it doubles with each further failure, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// A bound socket that accepts at most as many connections as it has permits.
pub struct Listener {
    name: &'static str,
    socket: TcpListener,
    address: SocketAddr,
    permits: ConnectionPermits,
}

impl Listener {
    /// Binds `address`; port 0 takes a free port.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(name: &'static str, address: SocketAddr, limits: ConnectionLimits) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        register(name, limits);
        Ok(Self { name, socket, address, permits: ConnectionPermits::new(limits) })
    }

    /// The same listener, with connections from these networks exempt from the limit per source.
    #[must_use]
    pub fn with_front_proxies(self, networks: &[IpNet]) -> Self {
        Self { permits: self.permits.with_front_proxies(networks), ..self }
    }

    /// The listener's name in logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The bound address, with the actual port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections hold a permit.
    #[must_use]
    pub fn open(&self) -> usize {
        self.permits.count()
    }

    /// The next connection. Connections beyond the limits are closed; after a failed accept it pauses and tries again.
    pub async fn accept(&self) -> Connection {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    pause = FIRST_PAUSE;
                    if let Some(connection) = self.permit(stream, peer) {
                        return connection;
                    }
                }
                Err(fault) => {
                    metrics::counter!(names::ACCEPT_ERRORS, "listener" => self.name).increment(1);
                    warn!(listener = self.name, %fault, "cannot accept a connection");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn permit(&self, stream: TcpStream, peer: SocketAddr) -> Option<Connection> {
        let permit = match self.permits.take(peer.ip()) {
            Ok(permit) => permit,
            Err(full) => {
                metrics::counter!(names::CONNECTIONS_REFUSED, "listener" => self.name, "cause" => full.as_str())
                    .increment(1);
                return None;
            }
        };
        // Otherwise a small answer may wait for the acknowledgement of the previous one (Nagle's algorithm).
        let _ = stream.set_nodelay(true);
        let open = metrics::gauge!(names::CONNECTIONS_OPEN, "listener" => self.name);
        open.increment(1.0);
        Some(Connection { stream, peer, permit, open })
    }
}

/// Creates the series of a listener. A counter that appears with its first event hides this event from `increase` and `rate`.
fn register(name: &'static str, limits: ConnectionLimits) {
    let limit = f64::from(u32::try_from(limits.total).unwrap_or(u32::MAX));
    metrics::gauge!(names::CONNECTIONS_LIMIT, "listener" => name).set(limit);
    metrics::gauge!(names::CONNECTIONS_OPEN, "listener" => name).increment(0.0);
    for counter in [names::ACCEPT_ERRORS, names::PANICS] {
        metrics::counter!(counter, "listener" => name).absolute(0);
    }
    for cause in Full::ALL {
        metrics::counter!(names::CONNECTIONS_REFUSED, "listener" => name, "cause" => cause.as_str()).absolute(0);
    }
}

/// An accepted connection, which holds its permit until it is dropped.
pub struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    permit: ConnectionPermit,
    open: Gauge,
}

impl Connection {
    /// The peer's address.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The client's address; `None` when the peer is a front proxy, which serves many clients.
    #[must_use]
    pub fn client(&self) -> Option<IpAddr> {
        self.permit.client()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
