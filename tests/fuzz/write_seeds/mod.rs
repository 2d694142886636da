//! The seeds that are generated from tables: each row is a file. The file of a new row is written, to be committed with it;
//! seeds of other origin, such as crash files, are not changed.

use std::fs;
use std::path::Path;

use prost::Message as _;

use self::texts::{CALLBACKS, CONFIGS, ID_TOKENS, RETURN_ADDRESSES};

mod cookies;
mod forwarded;
mod requests;
mod texts;

/// Writes the seeds that are missing; returns their names.
fn missing(target: &str, seeds: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(target);
    let missing = seeds.into_iter().filter(|(name, _)| !folder.join(name).exists());
    let written = missing.map(|(name, bytes)| {
        fs::write(folder.join(&name), bytes).unwrap();
        format!("{target}/{name}")
    });
    written.collect()
}

fn numbered(texts: &[&str]) -> Vec<(String, Vec<u8>)> {
    texts.iter().enumerate().map(|(number, text)| (format!("{number:02}"), text.as_bytes().to_vec())).collect()
}

#[test]
fn every_row_of_the_tables_is_a_seed() {
    let requests: Vec<_> =
        requests::requests().into_iter().map(|(name, request)| (name, request.encode_to_vec())).collect();
    let written = [
        missing("return_address", numbered(RETURN_ADDRESSES)),
        missing("callback_query", numbered(CALLBACKS)),
        missing("id_token", numbered(ID_TOKENS)),
        missing("config_file", numbered(CONFIGS)),
        missing("cookie_header", cookies::cookies()),
        missing("forwarded_headers", forwarded::questions()),
        missing("check_request", requests),
    ];
    assert_eq!(written.concat(), [""; 0], "these were missing and are written now: commit them");
}
