//! `gatepost explain` from the operator's view: the answer to each question is in a file, `answers/{name}.txt`. After an
//! intended change `BLESS=1 cargo test --test explain` rewrites the files; review the difference.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod arguments;

#[cfg(test)]
pub(crate) fn explain(arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_gatepost"))
        .args(["explain", "--config", "tests/explain/gatepost.yaml"])
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}
