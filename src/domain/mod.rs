//! The rules, as pure code: no async, no sockets, no clock, no randomness source, no environment. Each module uses only
//! those before it: `http` and `crypto`, `oidc`, `session`, `policy`, `application`, `decision`, `audit`. All may use `slug` and
//! `time`.

pub mod application;
pub mod audit;
pub mod crypto;
pub mod decision;
pub mod http;
pub mod oidc;
pub mod policy;
pub mod session;
pub mod slug;
pub mod time;
