//! Sign-in: the redirect to the provider and the callback.

mod callback;
mod restart;
mod return_address;
mod sign_in_loop;
mod start;

pub(super) use callback::{callback, retry_address};
pub(super) use start::{require, start};
