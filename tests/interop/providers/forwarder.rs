//! A forward proxy for programs that cannot resolve names under localhost, which are this machine (RFC 6761 section 6.3).

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

/// Carries each request to the port that its address names, on this machine. It stops when dropped.
pub(crate) struct Forwarder {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Forwarder {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream));
            }
        });
        Self { port, task }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The request keeps its absolute address, which a server has to understand (RFC 9112 section 3.2.2).
async fn carry(mut client: TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.windows(2).any(|two| two == b"\r\n") {
        let mut more = [0; 4096];
        let read = client.read(&mut more).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(more.get(..read)?);
    }
    let line = String::from_utf8_lossy(&head).into_owned();
    let address = Url::parse(line.split(' ').nth(1)?).ok()?;
    let mut server = TcpStream::connect(("127.0.0.1", address.port_or_known_default()?)).await.ok()?;
    server.write_all(&head).await.ok()?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.ok()?;
    Some(())
}
