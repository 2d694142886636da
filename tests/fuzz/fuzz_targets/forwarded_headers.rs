//! `cargo fuzz run forwarded_headers`; what is checked stands in `targets/forwarded_headers.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gatepost_fuzz::forwarded_headers::run(input));
