//! Sign-in: the redirect to the provider and the callback.

mod begin;
mod callback;
mod go_on;
mod response_parameters;
mod restart;
mod return_address;
mod sign_in_loop;
mod start;
mod step_up;

pub(super) use callback::{callback, retry_address};
pub(super) use start::{require, start};
pub(super) use step_up::{step_up, to_end_sessions};
