//! `gatepost snippet` from the operator's view: each output is a file in `snippets/`, and the shipped files are compared.
//! After an intended change `BLESS=1 cargo test --test snippet` rewrites the files; review the difference.

#[cfg(test)]
mod arguments;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod snippets;

#[cfg(test)]
pub(crate) fn snippet(arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_gatepost"))
        .args(["snippet", "--config", "tests/snippet/gatepost.yaml"])
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}
