//! The outpost with a fake store and a fake provider: every flow, every fault.

mod added_headers;
mod administration;
mod assertion;
mod audit;
mod cors;
mod credentials;
mod faults;
mod foreign_tokens;
mod identity_headers;
mod logout;
mod odd_paths;
mod proxy;
mod refresh;
mod refresh_property;
mod replaced_applications;
mod resource_metadata;
mod return_addresses;
mod rules;
mod sessions;
mod sign_in;
mod sign_in_limits;
mod sign_in_loops;
mod sign_out;
mod step_up;
mod test_outpost;
mod visits;
