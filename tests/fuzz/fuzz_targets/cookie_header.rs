//! `cargo fuzz run cookie_header`; the checks are in `targets/cookie_header.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gatepost_fuzz::cookie_header::run(input));
