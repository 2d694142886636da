//! `make interop`: Gatepost with providers, front proxies, gateways and clients that this project did not write.
//!
//! Each table has one row for each program and one column for each capability. A run prints the tables and compares them with those of
//! docs/interop.md and README.md: it fails when a cell that says "yes" there does not hold. `BLESS=1` writes the tables there.
//!
//! `cargo test --test interop -- --only providers --row keycloak` runs one row.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a test says what it expects and fails where that does not hold; most columns need no setting of their own"
)]

#[path = "../e2e/support/mod.rs"]
#[expect(dead_code, reason = "the end-to-end tests use the rest of it")]
mod support;

mod clients;
mod front_proxies;
mod gateways;
mod options;
mod providers;
mod table;
mod version;

use std::process::ExitCode;

use options::Options;
use table::Table;

/// The tables in the order of docs/interop.md.
async fn tables(options: &Options) -> Vec<Table> {
    let mut tables = Vec::new();
    if options.runs_table("providers") {
        tables.push(providers::table(options).await);
    }
    if options.runs_table("front-proxies") {
        tables.push(front_proxies::table(options).await);
    }
    tables.extend(gateways::tables(options).await);
    if options.runs_table("clients") {
        tables.push(clients::table(options).await);
    }
    tables
}

fn main() -> ExitCode {
    let options = match Options::from_arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(fault) => {
            println!("interop: {fault}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let tables = runtime.block_on(tables(&options));
    let lost = table::compare_with_documents(&tables, &options);
    for table in &tables {
        println!("\n{}", table.as_markdown());
        for (row, column, reason) in table.failures() {
            println!("{row}, {column}: {reason}");
        }
    }
    for line in &lost {
        println!("interop: {line}");
    }
    if lost.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
