//! Front proxies with the shipped files.

mod checks;
mod http3;
pub(crate) mod program;
pub(crate) mod site;
mod tls;

use crate::options::Options;
use crate::table::{Cell, Row, Table};

use program::Program;

const COLUMNS: &[&str] = &[
    "sign-in",
    "public path",
    "spoofed headers",
    "XHR 401",
    "WebSocket",
    "SSE",
    "64 MiB upload",
    "HTTP/2",
    "HTTP/3",
    "sign_out",
];

pub(crate) async fn table(options: &Options) -> Table {
    let mut rows = Vec::new();
    for program in program::all() {
        if options.runs_row(&program.row_name()) {
            rows.push(row(&program).await);
        }
    }
    Table { name: "front-proxies", corner: "front proxy", columns: COLUMNS, rows }
}

/// Each cell has a site of its own.
async fn row(program: &Program) -> Row {
    let cells = vec![
        Cell::of(checks::signs_in(program.clone())).await,
        Cell::of(checks::public_path(program.clone())).await,
        Cell::of(checks::spoofed_headers(program.clone())).await,
        Cell::of(checks::refuses_scripts(program.clone())).await,
        Cell::of(checks::web_socket(program.clone())).await,
        Cell::of(checks::server_sent_events(program.clone())).await,
        Cell::of(checks::big_upload(program.clone())).await,
        Cell::of(checks::http2(program.clone())).await,
        match program.without_http3() {
            Some(reason) => Cell::NotApplicable(reason),
            None => Cell::of(http3::signs_in(program.clone())).await,
        },
        Cell::of(checks::signs_out(program.clone())).await,
    ];
    Row { program: program.name.to_owned(), version: program.version.clone(), cells }
}
