//! The connection to a running Gatepost: TCP, TLS with certificates on both sides when they are given, HTTP/2.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::address::AdminAddress;
use super::fault::{Fault, causes};
use super::target::Target;
use super::tls;

/// Time limit for connecting, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often an idle Gatepost is sent a keepalive ping, and how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A stream with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(super) async fn connect(reach: &Target) -> Result<Channel, Fault> {
    let address = &reach.address;
    let secured = reach.tls.as_ref().map(|files| tls::client(files, address.host())).transpose()?;
    let secured = secured.map(|(config, name)| (TlsConnector::from(Arc::new(config)), name));
    let unreachable = |cause: String| Fault::Unreachable { address: address.clone(), cause };

    let target = address.clone();
    let connector = service_fn(move |_: Uri| {
        let (address, secured) = (target.clone(), secured.clone());
        async move {
            let opened = timeout(CONNECT_TIMEOUT, async {
                let stream = open(&address).await?;
                let stream: Box<dyn Stream> = match secured {
                    Some((tls, name)) => Box::new(tls.connect(name, stream).await?),
                    None => Box::new(stream),
                };
                Ok::<_, io::Error>(stream)
            });
            let late = |_| io::Error::new(io::ErrorKind::TimedOut, "it does not answer");
            opened.await.map_err(late)?.map(TokioIo::new)
        }
    });
    // Only the connector knows whether TLS is used; tonic sees plain http.
    let uri = Uri::builder().scheme("http").authority(address.authority().clone()).path_and_query("/").build();
    let endpoint = Endpoint::from(uri.map_err(|fault| unreachable(fault.to_string()))?)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE);
    endpoint.connect_with_connector(connector).await.map_err(|fault| unreachable(causes(&fault)))
}

async fn open(address: &AdminAddress) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((address.host(), address.port())).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
