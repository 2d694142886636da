//! Writes the seeds that follow from the tables of the security specification. Crash files are seeds, too, and stay:
//! `cargo test --test fuzz write_the_seeds -- --ignored` adds and overwrites, it deletes nothing.

use std::fs;
use std::path::Path;

use prost::Message as _;

use self::texts::{CALLBACKS, CONFIGS, ID_TOKENS, RETURN_ADDRESSES};

mod cookies;
mod requests;
mod texts;

fn write(target: &str, seeds: impl IntoIterator<Item = (String, Vec<u8>)>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(target);
    fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in seeds {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

fn numbered(texts: &[&str]) -> Vec<(String, Vec<u8>)> {
    texts.iter().enumerate().map(|(number, text)| (format!("{number:02}"), text.as_bytes().to_vec())).collect()
}

#[test]
#[ignore = "writes the seeds"]
fn write_the_seeds() {
    write("return_address", numbered(RETURN_ADDRESSES));
    write("callback_query", numbered(CALLBACKS));
    write("id_token", numbered(ID_TOKENS));
    write("config_file", numbered(CONFIGS));
    write("cookie_header", cookies::cookies());
    write("check_request", requests::requests().into_iter().map(|(name, request)| (name, request.encode_to_vec())));
    let truncated =
        requests::requests().into_iter().find(|(name, _)| name == "signed-in").map(|(_, it)| it.encode_to_vec());
    write("check_request", [("truncated".to_owned(), truncated.unwrap()[..100].to_vec())]);
}
