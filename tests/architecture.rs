//! Who may know whom: the table of the design, checked against every path that stands in `src/`.
#![expect(clippy::expect_used, reason = "a test fails where what it expects does not hold")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A room, the rooms of this crate that it may know besides itself, and the crates and modules it must never know.
struct Room {
    name: &'static str,
    may_know: &'static [&'static str],
    must_not_know: &'static [&'static str],
}

/// Everything that acts on the world: runtimes, wire types, clients, stores.
const OUTER_CRATES: [&str; 19] = [
    "async_trait",
    "axum",
    "clap",
    "envoy_types",
    "futures_util",
    "hyper",
    "hyper_util",
    "metrics",
    "prost",
    "rcgen",
    "rusqlite",
    "redis",
    "reqwest",
    "rustls",
    "tokio",
    "tokio_stream",
    "tonic",
    "tower",
    "tracing",
];

/// Clock, environment, randomness and the file system: what a pure function is given instead of asking for it.
const AMBIENT: [&str; 11] = [
    "getrandom",
    "rand",
    "ring::rand",
    "std::env",
    "std::fs",
    "std::io",
    "std::net::TcpStream",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

const WIRE: &[&str] =
    &["axum", "envoy_types", "hyper", "hyper_util", "prost", "rusqlite", "redis", "reqwest", "tonic", "tower"];
const ASKED_ONLY: &[&str] = &["axum", "envoy_types", "tonic", "tower"];
const PROTOCOL: &[&str] = &["oauth2", "openidconnect"];
const BEYOND_A_DOOR: &[&str] = &["oauth2", "openidconnect", "rusqlite", "redis", "reqwest"];
const BEYOND_OTHER_DOORS: &[&str] = &["envoy_types", "oauth2", "openidconnect", "rusqlite", "redis", "reqwest"];
/// Envoy is told where a request goes; the other doors pass none on.
const OF_ENVOYS_DOOR: &[&str] = &[
    "domain::request",
    "domain::decision",
    "domain::backend",
    "outpost",
    "telemetry",
    "inbound::connections",
    "inbound::grpc",
];
const OF_A_DOOR: &[&str] = &["domain::request", "domain::decision", "outpost", "telemetry", "inbound::connections"];

/// The longest name that fits a module decides.
const ROOMS: [Room; 24] = [
    Room { name: "domain", may_know: &[], must_not_know: PROTOCOL },
    // Keys of the library verify signatures, and it puts together where the browser is sent.
    Room { name: "domain::jws", may_know: &["domain"], must_not_know: &[] },
    Room { name: "domain::sign_in", may_know: &["domain"], must_not_know: &[] },
    Room { name: "domain::sign_out", may_know: &["domain"], must_not_know: &[] },
    Room { name: "ports", may_know: &["domain"], must_not_know: WIRE },
    Room { name: "outpost", may_know: &["domain", "ports", "telemetry"], must_not_know: WIRE },
    Room { name: "inbound::ext_authz", may_know: OF_ENVOYS_DOOR, must_not_know: BEYOND_A_DOOR },
    Room { name: "inbound::forward_auth", may_know: OF_A_DOOR, must_not_know: BEYOND_OTHER_DOORS },
    Room { name: "inbound::side_listener", may_know: OF_A_DOOR, must_not_know: BEYOND_OTHER_DOORS },
    Room { name: "inbound::admin", may_know: OF_A_DOOR, must_not_know: BEYOND_OTHER_DOORS },
    Room {
        // Operators' door: no request of a browser reaches it.
        name: "inbound::administration",
        may_know: &["domain::session", "outpost", "telemetry", "protocol", "inbound::connections", "inbound::grpc"],
        must_not_know: BEYOND_OTHER_DOORS,
    },
    Room { name: "inbound::connections", may_know: &["telemetry"], must_not_know: BEYOND_OTHER_DOORS },
    Room { name: "inbound::grpc", may_know: &["telemetry", "inbound::connections"], must_not_know: BEYOND_OTHER_DOORS },
    Room { name: "inbound", may_know: &[], must_not_know: BEYOND_OTHER_DOORS },
    Room { name: "outbound::provider", may_know: &["domain", "ports", "telemetry"], must_not_know: ASKED_ONLY },
    Room { name: "outbound::store", may_know: &["domain", "ports", "telemetry"], must_not_know: ASKED_ONLY },
    Room { name: "outbound", may_know: &[], must_not_know: ASKED_ONLY },
    // It is told what to explain; it neither reads files nor calls anybody.
    Room { name: "explain", may_know: &["domain", "ports", "outpost"], must_not_know: WIRE },
    Room { name: "snippet", may_know: &["domain"], must_not_know: WIRE },
    // Generated code alone.
    Room { name: "protocol", may_know: &[], must_not_know: BEYOND_OTHER_DOORS },
    // A client in a process of its own; it knows of sessions what the protocol tells it.
    Room {
        name: "sessions",
        may_know: &["domain::time", "protocol", "config::duration"],
        must_not_know: BEYOND_OTHER_DOORS,
    },
    Room {
        // It fills in the settings of every room, the whole application's among them.
        name: "config",
        may_know: &["domain", "ports", "outpost", "inbound", "outbound", "telemetry", "app"],
        must_not_know: WIRE,
    },
    Room {
        // It names what is recorded about a decision.
        name: "telemetry",
        may_know: &["domain::decision"],
        must_not_know: &["envoy_types", "oauth2", "openidconnect", "rusqlite", "redis", "reqwest", "tonic"],
    },
    Room {
        // Only `main` reads the configuration: `app` is given its own settings.
        name: "app",
        may_know: &["domain", "ports", "outpost", "inbound", "outbound", "telemetry"],
        must_not_know: &["envoy_types"],
    },
];

/// One file of `src/` without its comments, texts and tests.
struct Source {
    file: PathBuf,
    text: String,
    /// Its module: `domain::request` for `domain/request.rs` and for `domain/request/mod.rs`.
    module: Vec<String>,
    code: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    PathSeparator,
    Sign(char),
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of src").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source::read(&root, entry));
            }
        }
    }
    assert!(!found.is_empty(), "src/ holds Rust files");
    found
}

impl Source {
    fn read(root: &Path, file: PathBuf) -> Self {
        let text = fs::read_to_string(&file).expect("a file of src");
        let inner = file.strip_prefix(root).expect("a file under src").with_extension("");
        let mut module: Vec<String> = inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        let code = without_tests(&tokens(&text));
        Self { file, text, module, code }
    }

    /// The map and the command line stand above all rooms.
    fn is_root(&self) -> bool {
        self.module == ["lib"] || self.module == ["main"]
    }

    /// Tests may know whatever helps them.
    fn is_test(&self) -> bool {
        self.module.iter().any(|part| part == "tests" || part.ends_with("_tests") || part == "testing")
    }

    fn room(&self) -> Option<&'static Room> {
        room_of(&self.module)
    }

    /// Every path in the code, groups taken apart, from the crate's root where it starts with `crate`, `self` or `super`. A word
    /// that stands alone is one only where it is used by that name; else it may be anything's name.
    fn paths(&self) -> BTreeSet<Vec<String>> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.code.len() {
            let continues = at > 0 && self.code.get(at - 1) == Some(&Token::PathSeparator);
            if continues || !matches!(self.code.get(at), Some(Token::Word(_))) {
                at += 1;
                continue;
            }
            let used = at > 0 && self.code.get(at - 1) == Some(&Token::Word("use".to_owned()));
            let known = found.len();
            at = read_path(&self.code, at, &[], &mut found).max(at + 1);
            if !used && found.get(known..).is_some_and(|new| new.iter().all(|path| path.len() == 1)) {
                found.truncate(known);
            }
        }
        found.into_iter().map(|path| self.in_full(path)).collect()
    }

    fn in_full(&self, path: Vec<String>) -> Vec<String> {
        let mut base = self.module.clone();
        let mut rest = path.into_iter().peekable();
        match rest.peek().map(String::as_str) {
            Some("crate" | "gatepost") => base.clear(),
            Some("self") => {}
            Some("super") => drop(base.pop()),
            _ => return rest.collect(),
        }
        rest.next();
        let own = std::iter::once("crate".to_owned());
        own.chain(base).chain(rest).collect()
    }
}

fn room_of(module: &[String]) -> Option<&'static Room> {
    let fits = |room: &&Room| {
        let name: Vec<&str> = room.name.split("::").collect();
        module.len() >= name.len() && module.iter().zip(&name).all(|(part, wanted)| part == wanted)
    };
    ROOMS.iter().filter(fits).max_by_key(|room| room.name.len())
}

/// Reads the path that starts here, with a group of paths at its end taken apart; returns where the code goes on.
fn read_path(code: &[Token], mut at: usize, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    loop {
        match code.get(at) {
            Some(Token::Word(word)) => path.push(word.clone()),
            Some(Token::Sign('{')) if !path.is_empty() => return read_group(code, at + 1, &path, found),
            _ => break,
        }
        at += 1;
        if code.get(at) != Some(&Token::PathSeparator) {
            break;
        }
        at += 1;
    }
    found.push(path);
    at
}

fn read_group(code: &[Token], mut at: usize, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    while let Some(token) = code.get(at) {
        match token {
            Token::Sign('}') => return at + 1,
            Token::Word(word) if word == "as" => at += 2,
            Token::Word(_) => at = read_path(code, at, before, found).max(at + 1),
            Token::Sign(_) | Token::PathSeparator => at += 1,
        }
    }
    at
}

/// The words and signs of the code; comments, texts and characters are left out.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(&sign) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        at = match (sign, next) {
            ('/', Some('/')) => skip_while(&chars, at, |sign| sign != '\n'),
            ('/', Some('*')) => skip_block_comment(&chars, at),
            ('"', _) => skip_text(&chars, at + 1),
            ('r', Some('"' | '#')) if raw_text_end(&chars, at).is_some() => raw_text_end(&chars, at).unwrap_or(at + 1),
            ('b', Some('"')) => skip_text(&chars, at + 2),
            ('\'', _) => skip_character(&chars, at),
            (':', Some(':')) => {
                found.push(Token::PathSeparator);
                at + 2
            }
            (sign, _) if sign.is_alphanumeric() || sign == '_' => {
                let end = skip_while(&chars, at, |sign| sign.is_alphanumeric() || sign == '_');
                found.push(Token::Word(chars.get(at..end).unwrap_or_default().iter().collect()));
                end
            }
            (sign, _) => {
                if !sign.is_whitespace() {
                    found.push(Token::Sign(sign));
                }
                at + 1
            }
        };
    }
    found
}

fn skip_while(chars: &[char], from: usize, fits: impl Fn(char) -> bool) -> usize {
    from + chars.iter().skip(from).take_while(|sign| fits(**sign)).count()
}

fn skip_block_comment(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0_usize, from);
    while at < chars.len() {
        match (chars.get(at), chars.get(at + 1)) {
            (Some('/'), Some('*')) => (depth, at) = (depth + 1, at + 2),
            (Some('*'), Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn skip_text(chars: &[char], mut at: usize) -> usize {
    while let Some(sign) = chars.get(at) {
        match sign {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// Where a raw text that starts here ends; `None` when none starts here.
fn raw_text_end(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars.iter().skip(from + 1).take_while(|sign| **sign == '#').count();
    let mut at = from + 1 + hashes;
    (chars.get(at) == Some(&'"')).then_some(())?;
    loop {
        at += 1;
        let sign = chars.get(at)?;
        if *sign == '"' && chars.iter().skip(at + 1).take_while(|sign| **sign == '#').count() >= hashes {
            return Some(at + 1 + hashes);
        }
    }
}

/// A character (`'x'`, `'\n'`) is skipped whole, of a lifetime (`'a`) only the tick.
fn skip_character(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), _) => skip_while(chars, from + 3, |sign| sign != '\'') + 1,
        (Some(_), Some('\'')) => from + 3,
        _ => from + 1,
    }
}

/// The code without what stands under `#[cfg(test)]`: to the end of its block, or to its semicolon.
fn without_tests(code: &[Token]) -> Vec<Token> {
    let marker = tokens("#[cfg(test)]");
    let (mut kept, mut at) = (Vec::new(), 0);
    while let Some(token) = code.get(at) {
        if code.get(at..at + marker.len()) != Some(marker.as_slice()) {
            kept.push(token.clone());
            at += 1;
            continue;
        }
        let mut depth = 0_usize;
        while let Some(token) = code.get(at) {
            at += 1;
            match token {
                Token::Sign('{') => depth += 1,
                Token::Sign('}') if depth == 1 => break,
                Token::Sign('}') => depth -= 1,
                Token::Sign(';') if depth == 0 => break,
                Token::Word(_) | Token::PathSeparator | Token::Sign(_) => {}
            }
        }
    }
    kept
}

fn starts_with(path: &[String], name: &str) -> bool {
    let name: Vec<&str> = name.split("::").collect();
    path.len() >= name.len() && path.iter().zip(name).all(|(part, wanted)| part == wanted)
}

/// What a room must not know although it does: `None` where the path is in order.
fn offence(room: &Room, path: &[String]) -> Option<String> {
    let text = path.join("::");
    let Some((_, inner)) = path.split_first().filter(|(first, _)| *first == "crate") else {
        let pure = room.name.split("::").next() == Some("domain");
        let forbidden = room.must_not_know.iter().chain(OUTER_CRATES.iter().chain(&AMBIENT).filter(|_| pure));
        let mut hits = forbidden.filter(|name| starts_with(path, name));
        return hits.next().map(|name| format!("{text} ({} must not know {name})", room.name));
    };
    // `crate::Thing` would be a re-export at the root, which another test rejects.
    room_of(inner)?;
    let allowed = std::iter::once(&room.name).chain(room.may_know);
    let known = allowed.into_iter().any(|name| starts_with(inner, name));
    (!known).then(|| format!("{text} ({} may know {:?} only)", room.name, room.may_know))
}

#[test]
fn every_room_knows_only_whom_it_may() {
    let mut offences = Vec::new();
    for source in sources().iter().filter(|source| !source.is_root() && !source.is_test()) {
        let Some(room) = source.room() else {
            offences.push(format!("{}: no room of the design", source.file.display()));
            continue;
        };
        let found = source.paths().into_iter().filter_map(|path| offence(room, &path));
        offences.extend(found.map(|offence| format!("{}: {offence}", source.file.display())));
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

#[test]
fn the_pure_part_does_not_wait() {
    for source in sources().iter().filter(|source| starts_with(&source.module, "domain")) {
        for word in ["async", "await"] {
            let found = source.code.contains(&Token::Word(word.to_owned()));
            assert!(!found, "{}: {word} in the pure part", source.file.display());
        }
    }
}

/// `openidconnect` and `oauth2` could ask the network, the clock and the system's randomness; the pure part takes types and checks from them.
#[test]
fn the_pure_part_takes_from_the_protocols_library_only_what_is_pure() {
    let impure = ["AsyncHttpClient", "SyncHttpClient", "new_random", "new_random_len", "new_random_sha256", "Utc"];
    for source in sources().iter().filter(|source| starts_with(&source.module, "domain")) {
        for word in impure {
            let found = source.code.contains(&Token::Word(word.to_owned()));
            assert!(!found, "{}: {word} in the pure part", source.file.display());
        }
    }
}

#[test]
fn nobody_takes_a_detour() {
    for source in sources() {
        let all = tokens(&source.text);
        let word = |text: &str| Token::Word(text.to_owned());
        let twice_up = [word("super"), Token::PathSeparator, word("super")];
        let detour = all.windows(3).any(|three| three == twice_up);
        assert!(!detour, "{}: super::super; write the path from crate::", source.file.display());
        let exported = all.windows(2).any(|two| two == [word("pub"), word("use")]);
        assert!(!(source.is_root() && exported), "{}: a re-export at the root", source.file.display());
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for source in sources() {
        assert!(source.text.starts_with("//! "), "{}: no module doc on the first line", source.file.display());
    }
}

/// The test of the test: paths are found wherever they hide, and nothing is found in comments, texts and tests.
#[test]
fn paths_are_found_wherever_they_stand() {
    let text = r##"
        //! crate::in_a_comment
        use crate::{config::Config, outbound::{store::{self, Memory as Kept}, provider}};
        use super::sibling;
        fn one() { let text = "crate::in_a_text"; let raw = r#"crate::in_a_raw_text"#; tokio::spawn(two()) }
        fn lifetime<'a>(sign: char) -> bool { sign == '"' || sign == '\'' && crate::inbound::called::<'a>() }
        #[cfg(test)]
        mod tests { use crate::in_a_test; fn nested() { { crate::in_a_test::too() } } }
        fn last() -> std::time::SystemTime { gatepost::app::now() }
    "##;
    let source = Source {
        file: PathBuf::new(),
        text: String::new(),
        module: vec!["domain".to_owned(), "request".to_owned()],
        code: without_tests(&tokens(text)),
    };
    let found: BTreeSet<String> =
        source.paths().into_iter().filter(|path| path.len() > 1).map(|path| path.join("::")).collect();
    let expected = [
        "crate::app::now",
        "crate::config::Config",
        "crate::domain::sibling",
        "crate::inbound::called",
        "crate::outbound::provider",
        "crate::outbound::store::Memory",
        "crate::outbound::store::self",
        "std::time::SystemTime",
        "tokio::spawn",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
}

#[test]
fn the_table_tells_right_from_wrong() {
    let rows = [
        ("domain::request", "crate::domain::session::Session", true),
        ("domain", "serde_json::Value", true),
        ("domain", "std::time::Duration", true),
        ("domain", "std::time::SystemTime::now", false),
        ("domain", "tokio::spawn", false),
        ("domain", "crate::ports::Clock", false),
        ("outpost", "crate::ports::SessionStore", true),
        ("outpost", "crate::outbound::store::Memory", false),
        ("outpost::callback", "reqwest::Client", false),
        ("inbound::ext_authz", "crate::domain::request::RequestHead", true),
        ("inbound::ext_authz", "envoy_types::pb::envoy", true),
        ("inbound::ext_authz", "crate::domain::sign_in::Attempt", false),
        ("inbound::ext_authz", "crate::inbound::admin::Metrics", false),
        ("inbound::admin", "envoy_types::pb::envoy", false),
        ("outbound::store", "crate::outbound::provider::Client", false),
        ("outbound::provider", "crate::outpost::Outpost", false),
        ("telemetry", "crate::config::Log", false),
        ("inbound::administration", "crate::inbound::ext_authz::CheckService", false),
        ("sessions", "crate::outpost::Outpost", false),
        ("outbound::store", "crate::config::Session", false),
        ("explain", "crate::outpost::Outpost", true),
        ("explain", "crate::outbound::provider::OpenIdProviders", false),
        ("app", "crate::outbound::store::Memory", true),
        ("inbound::admin", "crate::config::Config", false),
    ];
    let words = |text: &str| -> Vec<String> { text.split("::").map(str::to_owned).collect() };
    for (module, path, allowed) in rows {
        let room = room_of(&words(module)).expect("a room");
        assert_eq!(offence(room, &words(path)).is_none(), allowed, "{module} and {path}");
    }
}
