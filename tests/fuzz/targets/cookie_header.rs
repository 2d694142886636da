//! Any `Cookie` lines, one per line of input, in both forms in which Envoy sends them.

use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};

use super::oracle;
use super::test_outpost::{TestOutpost, joined, navigation};

/// Sends the lines with a request for a private page and one for a public page.
pub fn run(input: &[u8]) {
    let lines: Vec<(&str, &[u8])> = input.split(|byte| *byte == b'\n').map(|line| ("cookie", line)).collect();
    // A header map contains only text, and each name once.
    let text = String::from_utf8_lossy(input).replace('\n', ",");
    let test_outpost = TestOutpost::new();
    for host in ["wiki.example.com", "board.corp.example.com"] {
        for path in ["/private", "/public/a"] {
            ask(&test_outpost, &navigation(host, path, &lines));
            ask(&test_outpost, &joined(host, path, &[("cookie", &text)]));
        }
    }
}

fn ask(test_outpost: &TestOutpost, request: &CheckRequest) {
    let response: CheckResponse = test_outpost.check(request);
    oracle::check(request, &response);
}
