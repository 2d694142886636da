//! `outbound::authentik` against a fake authentik: its API, its WebSocket, and everything that can be wrong with either.

#[cfg(test)]
mod api;
#[cfg(test)]
#[path = "../hostile_provider/authority.rs"]
mod authority;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod client;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod oidc;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod websocket;
