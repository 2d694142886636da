//! OpenID Connect and OAuth 2.0: the requests to the provider, and the checks of its answers.

pub mod algorithm;
pub mod authorization_settings;
pub mod claims;
pub mod client_authentication;
pub mod credentials;
pub mod form;
pub mod id_token;
pub mod issuer;
pub mod json;
pub mod jws;
pub mod jwt;
pub mod logout_token;
pub mod operands;
pub mod relying_party;
pub mod sign_in;
pub mod user;
