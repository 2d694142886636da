//! `cargo fuzz run id_token`; what is checked stands in `targets/id_token.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gatepost_fuzz::id_token::run(input));
