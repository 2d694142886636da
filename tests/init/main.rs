//! `gatepost init` from the operator's view, without a provider; `tests/e2e/init.rs` runs it with one. Its output, and the
//! configurations that it writes, are files in `expected/`. After an intended change `BLESS=1 cargo test --test init` rewrites the
//! files; review the difference.

#[cfg(test)]
mod written;
