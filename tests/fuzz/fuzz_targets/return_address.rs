//! `cargo fuzz run return_address`; the checks are in `targets/return_address.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gatepost_fuzz::return_address::run(input));
