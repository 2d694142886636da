//! `cargo fuzz run callback_query`; the checks are in `targets/callback_query.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gatepost_fuzz::callback_query::run(input));
