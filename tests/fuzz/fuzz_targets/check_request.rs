//! `cargo fuzz run check_request`; the checks are in `targets/check_request.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gatepost_fuzz::check_request::run(input));
