//! `gatepost explain` as operators meet it: each question has its answer in a file of its own, `answers/{name}.txt`.
//! After a change that is meant, `BLESS=1 cargo test --test explain` writes them anew; read the difference.

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
