//! authentik's outpost API: its outpost, the providers with their applications, certificates, and the WebSocket by which
//! authentik reports changes and ended sessions. What it yields are values; what follows from them is decided elsewhere.

mod address;
mod api;
mod cache;
mod connection;
mod fault;
mod hosts;
mod model;
mod websocket;

pub use address::{AddressFault, BrowserAddress, ServerAddress};
pub use cache::{AnswerCache, CacheFault, CachedAnswer, OutpostAnswer, Overlaid};
pub use connection::{Connection, ConnectionSettings, is_token};
pub use fault::{ApiFault, ConnectionFault};
pub use hosts::{Endpoints, Hosts, HostsFault, redirect_uri};
pub use model::{
    Certificate, InvalidProvider, OpenIdConnectConfiguration, Outpost, OutpostConfig, OutpostId, Providers, ProxyMode,
    ProxyOutpostConfig, Secret,
};
pub use websocket::{
    Instance, SessionEnds, Subscription, Updates, WebSocketSettings, WebSocketState, WebSocketTask, update_delay,
};
