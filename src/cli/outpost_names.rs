//! The names of authentik's outpost: the commands that its image runs work with an image of Gatepost in its place.

use std::ffi::OsString;
use std::path::Path;

/// The arguments of this program, with the subcommand `serve` where it was started as authentik starts its outpost: as
/// `/authentik proxy`, before version 2026.8 as `/proxy`. Under any other name nothing changes.
pub(super) fn with_subcommand(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let name = arguments.first().and_then(|program| Path::new(program).file_name());
    let is = |expected: &str| name.is_some_and(|name| name == expected);
    let (is_authentik, is_proxy) = (is("authentik"), is("proxy"));
    match arguments.get_mut(1) {
        None if is_authentik || is_proxy => arguments.push("serve".into()),
        Some(first) if is_authentik && first == "proxy" => *first = "serve".into(),
        None | Some(_) => {}
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_starts_under_the_names_of_the_outpost_only() {
        for (written, expected) in [
            ("/authentik proxy", "/authentik serve"),
            ("authentik proxy --config x", "authentik serve --config x"),
            ("/authentik", "/authentik serve"),
            ("/proxy", "/proxy serve"),
            ("/proxy serve", "/proxy serve"),
            ("/proxy proxy", "/proxy proxy"),
            ("/proxy --help", "/proxy --help"),
            ("/proxy healthcheck", "/proxy healthcheck"),
            ("/authentik healthcheck proxy", "/authentik healthcheck proxy"),
            ("/authentik worker", "/authentik worker"),
            ("gatepost", "gatepost"),
            ("/proxy/gatepost proxy", "/proxy/gatepost proxy"),
            ("", ""),
        ] {
            let words = |text: &str| text.split_whitespace().map(OsString::from).collect::<Vec<_>>();
            assert_eq!(with_subcommand(words(written)), words(expected), "{written}");
        }
    }
}
