//! `outbound::provider` against an OpenID Provider that misbehaves on command. Test names contain the ids of
//! `docs/security.md`; a row is one misbehaviour and its required result.

#[cfg(test)]
mod app_passwords;
#[cfg(test)]
mod authority;
#[cfg(test)]
mod bearer;
#[cfg(test)]
mod changed_settings;
#[cfg(test)]
mod client_authentication;
#[cfg(test)]
mod discovery;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod foreign_issuers;
#[cfg(test)]
mod id_tokens;
#[cfg(test)]
mod introspection;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod logout_tokens;
#[cfg(test)]
mod network;
#[cfg(test)]
mod op;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod refreshes;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod test_client;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod token_answers;
#[cfg(test)]
mod user_info;
