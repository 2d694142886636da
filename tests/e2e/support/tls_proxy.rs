//! A proxy that ends TLS, and says nothing of it to the server behind it.

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Passes the bytes of each connection on to this port; returns the port at which it listens.
pub(crate) async fn start(tls: TlsAcceptor, to: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                let Ok(mut client) = tls.accept(stream).await else { return };
                let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                // One of the two closes first.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}
