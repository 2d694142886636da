//! The fuzz targets: how each processes an input, and what must hold for any input. One module per target, each with a `run`
//! that fails by panicking. This is the library of the cargo-fuzz crate and a module of the test that replays the seeds.

mod backend;
pub mod callback_query;
pub mod check_request;
pub mod config_file;
pub mod cookie_header;
pub mod forwarded_headers;
pub mod id_token;
mod oracle;
pub mod return_address;
pub mod test_outpost;
