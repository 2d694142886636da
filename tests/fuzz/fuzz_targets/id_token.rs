//! `cargo fuzz run id_token`; the checks are in `targets/id_token.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gatepost_fuzz::id_token::run(input));
