//! Replays every seed of every fuzz target on stable Rust. README.md describes how to fuzz, and how a crash becomes a seed.

#[cfg(test)]
mod mutate;
#[cfg(test)]
#[expect(unreachable_pub, reason = "the same files are the library of the cargo-fuzz crate")]
#[path = "targets/mod.rs"]
mod targets;
#[cfg(test)]
mod write_seeds;

#[cfg(test)]
mod replay {
    use std::collections::BTreeSet;
    use std::fs;
    use std::panic::catch_unwind;
    use std::path::{Path, PathBuf};

    use crate::targets::{
        callback_query, check_request, config_file, cookie_header, forwarded_headers, id_token, return_address,
    };

    fn here() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz"))
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()));
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn replay(target: &str, run: fn(&[u8])) {
        let seeds = files(&here().join("seeds").join(target));
        assert!(!seeds.is_empty(), "{target} has seeds");
        let failed: Vec<_> = seeds
            .into_iter()
            .filter(|seed| {
                let input = fs::read(seed).unwrap();
                catch_unwind(|| run(&input)).is_err()
            })
            .collect();
        assert!(failed.is_empty(), "seeds that fail: {failed:#?}");
    }

    #[test]
    fn seeds_of_check_request() {
        replay("check_request", check_request::run);
    }

    #[test]
    fn seeds_of_cookie_header() {
        replay("cookie_header", cookie_header::run);
    }

    #[test]
    fn seeds_of_forwarded_headers() {
        replay("forwarded_headers", forwarded_headers::run);
    }

    #[test]
    fn seeds_of_callback_query() {
        replay("callback_query", callback_query::run);
    }

    #[test]
    fn seeds_of_config_file() {
        replay("config_file", config_file::run);
        // The configuration's own tests have many more files, good and bad.
        for folder in ["bad", "good"] {
            for file in files(&here().join("../config").join(folder)) {
                config_file::run(&fs::read(file).unwrap());
            }
        }
    }

    #[test]
    fn seeds_of_return_address() {
        replay("return_address", return_address::run);
    }

    #[test]
    fn seeds_of_id_token() {
        replay("id_token", id_token::run);
    }

    #[test]
    fn every_target_has_seeds_and_every_seed_a_target() {
        let names = |folder: &str| -> BTreeSet<String> {
            let stem = |file: PathBuf| file.file_stem().unwrap().to_string_lossy().into_owned();
            files(&here().join(folder)).into_iter().map(stem).collect()
        };
        assert_eq!(names("fuzz_targets"), names("seeds"));
    }
}
