//! The readings of a path by backends: the oracle for the property tests next to it. It is slow and independent of the
//! code under test.

use std::collections::BTreeSet;

/// A transformation of a path by some server.
type Step = fn(&[u8]) -> Vec<u8>;

/// The steps that some server applies to a path that contains one of these bytes. They are applied in any order, each
/// as often as it has an effect, so that every order of every subset is among the results.
const STEPS: [(&[u8], Step); 15] = [
    (b"%", decode),
    (b"%", decode_iis),
    (b"\xc0\xc1\xe0", spell_overlong),
    (UNUSUAL, drop_invalid),
    (b";", cut_parameters),
    (b";", |path| cut_at(path, b';')),
    (b"\0", |path| cut_at(path, 0)),
    (b"#", |path| cut_at(path, b'#')),
    (b"?", |path| cut_at(path, b'?')),
    (b"\\", |path| path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()),
    (b"/", merge_slashes),
    (b".", |path| trim(path, |byte| byte == b'.')),
    (BLANK, |path| trim(path, |byte| byte <= b' ' || byte == 0x7f)),
    (BLANK, |path| trim(path, |byte| byte <= b' ' || byte == 0x7f || byte == b'.')),
    (b".", resolve_dots),
];
const BLANK: &[u8] = b" \t\n\0\x7f";
/// Control bytes, and non-ASCII bytes or their first bytes, among the pieces.
const UNUSUAL: &[u8] = b"\t\n\0\x7f\x80\xaf\xae\xc0\xe0\xff";

/// All readings of a path as sent.
pub(super) fn readings(raw: &str) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    let mut next = vec![raw.as_bytes().to_vec()];
    while let Some(path) = next.pop() {
        if found.contains(&path) {
            continue;
        }
        let taken = STEPS.iter().filter(|(bytes, _)| bytes.iter().any(|byte| path.contains(byte)));
        next.extend(taken.map(|(_, step)| step(&path)).filter(|read| *read != path));
        found.insert(path);
    }
    found
}

/// Whether a reading is `prefix` or lies below it, without regard to case.
pub(super) fn is_below(reading: &[u8], prefix: &str) -> bool {
    let folded = fold(reading);
    folded.strip_prefix(prefix.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Lower case, by way of upper case: `ſ` becomes `s` and the Kelvin sign `k`, as in Unicode's case folding.
fn fold(reading: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(reading) {
        Ok(text) => text.to_uppercase().to_lowercase().into_bytes(),
        Err(_) => reading.to_ascii_lowercase(),
    }
}

/// One percent-decoding; invalid escapes stay unchanged.
fn decode(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        let octet = match tail {
            [high, low, ..] if *first == b'%' => hex(&[*high, *low]),
            _ => None,
        };
        let octet = octet.and_then(|octet| u8::try_from(octet).ok());
        decoded.push(octet.unwrap_or(*first));
        rest = if octet.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

/// Decodes `%u002e`, as IIS did.
fn decode_iis(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        let unit = match tail {
            [b'u' | b'U', digits @ ..] if *first == b'%' && digits.len() >= 4 => hex(&digits[..4]),
            _ => None,
        };
        match unit.and_then(char::from_u32) {
            Some(unit) => decoded.extend(unit.to_string().into_bytes()),
            None => decoded.push(*first),
        }
        rest = if unit.is_some() { &tail[5..] } else { tail };
    }
    decoded
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

/// Decodes overlong forms of two and three bytes to one byte, as decoders did before they were fixed.
fn spell_overlong(path: &[u8]) -> Vec<u8> {
    let mut spelled = Vec::new();
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        let (byte, taken) = match (first, tail) {
            (0xc0 | 0xc1, [low @ 0x80..=0xbf, ..]) => ((first & 1) << 6 | (low & 0x3f), 1),
            (0xe0, [high @ 0x80..=0x81, low @ 0x80..=0xbf, ..]) => ((high & 1) << 6 | (low & 0x3f), 2),
            _ => (*first, 0),
        };
        spelled.push(byte);
        rest = &tail[taken..];
    }
    spelled
}

/// Drops invalid UTF-8 and control characters.
fn drop_invalid(path: &[u8]) -> Vec<u8> {
    let valid: String = path.utf8_chunks().map(|chunk| chunk.valid()).collect();
    valid.chars().filter(|c| !c.is_control()).collect::<String>().into_bytes()
}

fn cut_at(path: &[u8], end: u8) -> Vec<u8> {
    path.split(|byte| *byte == end).next().unwrap_or_default().to_vec()
}

fn cut_parameters(path: &[u8]) -> Vec<u8> {
    each_segment(path, |segment| cut_at(segment, b';'))
}

/// Trims both ends of each segment; `.` and `..` stay unchanged.
fn trim(path: &[u8], is_trimmed: fn(u8) -> bool) -> Vec<u8> {
    each_segment(path, |segment| {
        if matches!(segment, b"." | b"..") {
            return segment.to_vec();
        }
        let begin = segment.iter().position(|byte| *byte == b'.' || !is_trimmed(*byte)).unwrap_or(segment.len());
        let end = segment.iter().rposition(|byte| !is_trimmed(*byte)).map_or(begin, |last| last + 1);
        segment[begin..end.max(begin)].to_vec()
    })
}

fn each_segment(path: &[u8], change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    path.split(|byte| *byte == b'/').map(change).collect::<Vec<_>>().join(&b'/')
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut merged = path.to_vec();
    merged.dedup_by(|next, before| *next == b'/' && *before == b'/');
    merged
}

/// Removes dot segments (RFC 3986 section 5.2.4).
fn resolve_dots(path: &[u8]) -> Vec<u8> {
    let mut resolved: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b".." => drop(resolved.pop()),
            b"." => {}
            _ => {
                resolved.push(segment);
                continue;
            }
        }
        if is_last {
            resolved.push(b"");
        }
    }
    resolved.iter().flat_map(|segment| [b"/", *segment].concat()).collect()
}

#[test]
fn the_oracle_reads_as_servers_do() {
    for (raw, reading) in [
        ("/public/;%252f..%252f..%252fadmin", "/admin"),
        ("/public/%3b%255c..%255cadmin", "/public/admin"),
        ("/public/..%3bx/%61dmin", "/admin"),
        ("/public/..%20/admin", "/admin"),
        ("/public/%c0%ae%c0%ae/admin", "/admin"),
        ("/public/%u002e%u002e/admin", "/admin"),
        ("/public/.%ff./admin", "/admin"),
        ("/admin.%3fx", "/admin"),
        ("/admin%20%23x", "/admin"),
        ("/admin%00.png", "/admin"),
        ("/admin;%2fx/y", "/admin/y"),
        ("/%2561dmin%2509", "/admin"),
    ] {
        assert!(readings(raw).contains(reading.as_bytes()), "{raw} is not read as {reading}");
    }
    assert!(is_below("/A\u{17f}\u{212a}/x".as_bytes(), "/ask") && !is_below(b"/asks", "/ask"));
    assert_eq!(readings("/public/a"), [b"/public/a".to_vec()].into());
}
