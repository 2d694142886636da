//! The environment of the end-to-end tests: real Envoy, a real provider, an application, the gatepost binary and a browser.

pub(crate) mod application;
pub(crate) mod browser;
pub(crate) mod certificates;
pub(crate) mod collector;
pub(crate) mod cookies;
pub(crate) mod envoy;
pub(crate) mod front_proxy;
pub(crate) mod gatepost;
pub(crate) mod glewlwyd;
pub(crate) mod json;
pub(crate) mod load;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod provider;
pub(crate) mod raw;
pub(crate) mod redis;
pub(crate) mod settings;
pub(crate) mod site;
pub(crate) mod tls_proxy;
pub(crate) mod token_lifetime;
pub(crate) mod tools;
