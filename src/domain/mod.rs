//! The rules, pure: no async, no sockets, no clock, no randomness source, no environment.

pub mod access;
pub mod application;
pub mod applications;
pub mod backend;
pub mod claims;
pub mod cookies;
pub mod credentials;
pub mod decision;
pub mod endpoint;
pub mod frame;
pub mod headers;
pub mod hex;
pub mod id_token;
pub mod identity;
pub mod json;
pub mod jws;
pub mod jwt;
pub mod logout_token;
pub mod one_time;
pub mod operands;
pub mod pages;
pub mod plain_http;
pub mod refreshed;
pub mod request;
pub mod return_address;
pub mod return_cookie;
pub mod sealing;
pub mod secret;
pub mod session;
pub mod sign_in;
pub mod sign_out;
#[cfg(test)]
pub(crate) mod testing;
pub mod time;
