//! `gatepost snippet` as operators meet it, each answer a file in `snippets/`, and the files that are shipped beside it.
//! After a change that is meant, `BLESS=1 cargo test --test snippet` writes them anew; read the difference.

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
