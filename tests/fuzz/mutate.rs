//! Simple fuzzing on stable Rust: seeds, mutated pseudo-randomly but identically in every run.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use crate::targets::{
    callback_query, check_request, config_file, cookie_header, forwarded_headers, id_token, return_address,
};

/// Mutations of each seed: a few seconds in all. More find more.
const ROUNDS: usize = 10;

/// Xorshift (Marsaglia 2003).
struct TestRng(u64);

impl TestRng {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap()
    }
}

/// One to four mutations: a byte replaced, pieces cut, doubled, or taken from another seed.
fn mutate(seed: &[u8], other: &[u8], dice: &mut TestRng) -> Vec<u8> {
    const ODD: &[u8] = b"\0\t\n\r \"#%&'+,-./:;<=>?@[\\]^_{|}~\x7f\x80\xa0\xc3\xff09AZaz";
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.below(4) {
        let (from, length) = (dice.below(bytes.len() + 1), dice.below(16));
        let to = (from + length).min(bytes.len());
        match dice.below(5) {
            0 => bytes.insert(from, ODD[dice.below(ODD.len())]),
            1 if from < bytes.len() => bytes[from] = ODD[dice.below(ODD.len())],
            2 => drop(bytes.drain(from..to)),
            3 => {
                let piece = bytes[from..to].to_vec();
                bytes.splice(from..from, piece);
            }
            _ => {
                let begin = dice.below(other.len() + 1);
                let piece = other[begin..(begin + length).min(other.len())].to_vec();
                bytes.splice(from..from, piece);
            }
        }
    }
    bytes
}

fn run(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let mut dice = TestRng(0x9e37_79b9_7f4a_7c15);
    for seed in &seeds {
        for _ in 0..ROUNDS {
            let input = mutate(seed, &seeds[dice.below(seeds.len())], &mut dice);
            assert!(catch_unwind(|| run(&input)).is_ok(), "{target}: {}", input.escape_ascii());
        }
    }
}

#[test]
fn mutated_seeds() {
    run("return_address", return_address::run);
    run("id_token", id_token::run);
    run("callback_query", callback_query::run);
    run("cookie_header", cookie_header::run);
    run("forwarded_headers", forwarded_headers::run);
    run("config_file", config_file::run);
    run("check_request", check_request::run);
}
