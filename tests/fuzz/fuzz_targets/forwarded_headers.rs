//! `cargo fuzz run forwarded_headers`; the checks are in `targets/forwarded_headers.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gatepost_fuzz::forwarded_headers::run(input));
