//! `gatepost import` from the operator's view: what it makes of files of other programs, and that it never allows what they denied.
//! After an intended change `BLESS=1 cargo test --test import` rewrites the expected files; review the difference.

#[cfg(test)]
mod authelia;
#[cfg(test)]
mod closed;
#[cfg(test)]
mod translated;
#[cfg(test)]
mod translations;
#[cfg(test)]
mod widening;

#[cfg(test)]
pub(crate) fn import(arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_gatepost"))
        .arg("import")
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/import/files"))
        .env_clear()
        .output()
        .unwrap()
}
