//! Whole sign-ins in one process: from Envoy's requests to the answers for Envoy, with the real outpost, store and provider
//! client, and an OpenID Provider that misbehaves on command. Test names contain the ids of the security specification.
//! Single parts have tests of their own; these tests cover the effects of a hostile provider on a whole sign-in.

#[cfg(test)]
mod authorization_requests;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod callbacks;
#[cfg(test)]
mod capture;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod client;
#[cfg(test)]
mod crowds;
#[cfg(test)]
mod id_tokens;
#[cfg(test)]
mod lost_logouts;
#[cfg(test)]
mod mix_up;
#[cfg(test)]
#[path = "../hostile_provider/op.rs"]
mod op;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod sign_out;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod test_outpost;
#[cfg(test)]
mod user_info;
