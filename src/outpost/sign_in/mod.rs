//! Sign-in: the redirect to the provider and the callback.

use std::num::NonZeroU32;

mod begin;
mod callback;
mod go_on;
mod response_parameters;
mod restart;
mod return_address;
mod session_limit;
mod sign_in_loop;
mod start;
mod start_limit;
mod step_up;

pub(super) use callback::{callback, retry_address};
pub(super) use start::{require, start};
pub(super) use start_limit::StartLimit;
pub(super) use step_up::{step_up, to_end_sessions};

/// Limits on the sign-ins of one client and on the sessions of one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignInLimits {
    /// The sessions of one user at one application; a sign-in above it ends the oldest.
    pub sessions_per_user: Option<NonZeroU32>,
    /// The sign-ins that one client address, or one IPv6 network of 64 bits, may start in a minute.
    pub starts_per_client: Option<NonZeroU32>,
}
