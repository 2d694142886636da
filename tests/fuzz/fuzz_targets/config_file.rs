//! `cargo fuzz run config_file`; the checks are in `targets/config_file.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gatepost_fuzz::config_file::run(input));
