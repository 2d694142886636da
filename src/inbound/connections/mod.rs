//! Connections of every listener: how many there may be, in all and from one source, and how slow a peer may be. Neither
//! hyper nor tonic limits the number of connections, so this module does.

mod bodies;
mod drive;
mod framing;
mod http1;
mod limits;
mod listener;
mod peer;
mod reloadable_tls;
mod tls;
mod watch;

pub use drive::{ConnectionPolicy, Phase, Stop, attend, serve, serve_tls};
pub use http1::{Answer, CommonHeaders, Http1, HttpLimits, ReceivedBody, empty, panic_message, refusal};
pub use limits::{ConnectionLimits, FrontProxies};
pub use listener::{Connection, Listener};
pub use peer::{HasPeer, Peer, PeerCertificate};
pub use reloadable_tls::ReloadableTls;
pub use tls::{MutualTls, PemFault, TlsFault, TlsIdentity, browsers_tls};
pub use watch::{ConnectionActivity, Overdue, Timeouts, Watched};
