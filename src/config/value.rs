//! What can stand under a key: how each kind of value is read, and how the JSON Schema describes it. The two must
//! accept the same; a test holds them together.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value as Json, json};

use super::complaint::Place;
use super::document::{Content, Key, Node, Style};
use super::reader::{At, Reader};
use super::section::Kind;
use super::{duration, expansion};

/// A type that can be read from the file.
pub(super) trait Value: Sized {
    /// What the schema and the reference say about it.
    fn kind() -> Kind;

    /// Reads it; on `None` a complaint was made.
    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self>;
}

/// The entries of a section, or a complaint.
pub(super) fn section_entries<'n>(node: &'n Node, place: &Place, reader: &mut Reader<'_>) -> Option<&'n [(Key, Node)]> {
    if let Content::Section(entries) = &node.content {
        return Some(entries);
    }
    reader.fault(place, format!("a section is needed here, not {}", described(node)), "write `key: value` lines");
    None
}

/// A word for what stands there, which never repeats it.
fn described(node: &Node) -> &'static str {
    match (&node.content, plain_type(node)) {
        (Content::List(_), _) => "a list",
        (Content::Section(_), _) => "a section",
        (Content::Unusable(_), _) => "this",
        (Content::One { .. }, Plain::Null) => "nothing",
        (Content::One { .. }, Plain::Bool(_)) => "true or false",
        (Content::One { .. }, Plain::Whole(_) | Plain::Number) => "a number",
        (Content::One { .. }, Plain::Text) => "a text",
    }
}

/// What a value without quotes is (YAML 1.2 core schema, section 10.3.2).
#[derive(Clone, Copy, PartialEq)]
enum Plain {
    Null,
    Bool(bool),
    Whole(u64),
    Number,
    Text,
}

fn plain_type(node: &Node) -> Plain {
    let Content::One { text, style: Style::Plain } = &node.content else { return Plain::Text };
    if node.is_null() {
        return Plain::Null;
    }
    match &**text {
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        _ => {}
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_or(Plain::Number, Plain::Whole);
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let radix = text.starts_with("0x") || text.starts_with("0o");
    if numeric && (radix || text.parse::<f64>().is_ok() || text.trim_start_matches(['+', '-']) == ".inf") {
        Plain::Number
    } else {
        Plain::Text
    }
}

/// The text of a single value; numbers count as they are written, as a client id may well be one.
fn text(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Rc<str>> {
    if let Content::One { text, .. } = &node.content
        && matches!(plain_type(node), Plain::Text | Plain::Whole(_) | Plain::Number)
    {
        return Some(Rc::clone(text));
    }
    let problem = format!("a text is needed here, not {}", described(node));
    reader.fault(place, problem, "write a single value, in quotes where it could be taken for something else");
    None
}

/// Text with its variables filled in; never empty.
fn expanded(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<String> {
    let text = text(node, place, reader)?;
    match expansion::expand(&text, reader.environment) {
        Ok(full) if full.is_empty() => {
            reader.fault(place, "it is empty", "give it a value, or remove the key");
            None
        }
        Ok(full) => Some(full),
        Err(fault) => {
            reader.fault(place, fault.to_string(), fault.mend());
            None
        }
    }
}

fn one(name: &str, schema: Json) -> Kind {
    Kind::One { name: name.to_owned(), schema }
}

fn text_schema() -> Json {
    json!({ "type": ["string", "number"], "minLength": 1 })
}

impl Value for String {
    fn kind() -> Kind {
        one("text", text_schema())
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        expanded(node, place, reader)
    }
}

impl Value for SecretString {
    fn kind() -> Kind {
        one("secret text", text_schema())
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        expanded(node, place, reader).map(Self::from)
    }
}

impl Value for PathBuf {
    fn kind() -> Kind {
        one("path", text_schema())
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        expanded(node, place, reader).map(Self::from)
    }
}

impl Value for bool {
    fn kind() -> Kind {
        one("true or false", json!({ "type": "boolean" }))
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        if let Plain::Bool(value) = plain_type(node) {
            return Some(value);
        }
        reader.fault(place, "true or false is needed here", "write true or false, without quotes");
        None
    }
}

impl<T: Value> Value for Vec<At<T>> {
    fn kind() -> Kind {
        Kind::List(Box::new(T::kind()))
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        let Content::List(items) = &node.content else {
            reader.fault(place, format!("a list is needed here, not {}", described(node)), "write `- item` lines");
            return None;
        };
        let item = |(index, item): (usize, &Node)| reader.read(item, place.item(index, item.at.line, item.at.column));
        let sound: Self = items.iter().enumerate().filter_map(item).collect();
        // A list whose every item is faulty is not an empty list.
        (items.is_empty() || !sound.is_empty()).then_some(sound)
    }
}

/// Patterns: a list, or one per line of a text as authentik writes them. Nothing is filled in: `$` belongs to patterns.
pub(super) struct Patterns(pub(super) Vec<At<String>>);

impl Value for Patterns {
    fn kind() -> Kind {
        let pattern = json!({ "type": ["string", "number"] });
        let schema = json!({ "anyOf": [pattern, { "type": "array", "items": pattern }] });
        one("list of patterns, or text with one pattern per line", schema)
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        let mut patterns = Vec::new();
        if let Content::List(items) = &node.content {
            for (index, item) in items.iter().enumerate() {
                let place = place.item(index, item.at.line, item.at.column);
                let pattern = reader.read::<Pattern>(item, place);
                patterns.extend(pattern.map(|At { place, value: Pattern(value) }| At { place, value }));
            }
            return Some(Self(patterns));
        }
        let lines = text(node, place, reader)?;
        let one_by_one = matches!(&node.content, Content::One { style: Style::Lines, .. });
        for (number, line) in lines.lines().map(str::trim_end).enumerate() {
            if !line.trim().is_empty() {
                let below = if one_by_one { number } else { 0 };
                let place = place.item(patterns.len(), place.line + below, place.column);
                patterns.push(At { place, value: line.to_owned() });
            }
        }
        Some(Self(patterns))
    }
}

struct Pattern(String);

impl Value for Pattern {
    fn kind() -> Kind {
        one("pattern", json!({ "type": ["string", "number"] }))
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        text(node, place, reader).map(|text| Self(text.to_string()))
    }
}

/// A whole number from 1 on.
pub(super) struct Count(pub(super) u32);

impl Value for Count {
    fn kind() -> Kind {
        one("number", json!({ "type": "integer", "minimum": 1, "maximum": i32::MAX }))
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        let number = match plain_type(node) {
            Plain::Whole(number) => u32::try_from(number).ok().filter(|number| (1..=i32::MAX as u32).contains(number)),
            Plain::Null | Plain::Bool(_) | Plain::Number | Plain::Text => None,
        };
        if number.is_none() {
            reader.fault(place, "a whole number from 1 to 2147483647 is needed here", "write digits only");
        }
        number.map(Self)
    }
}

/// A number of bytes, from 1 on.
pub(super) struct Size(pub(super) u32);

impl Value for Size {
    fn kind() -> Kind {
        let number = json!({ "type": "integer", "minimum": 1, "maximum": i32::MAX });
        one("size", json!({ "anyOf": [number, { "type": "string", "pattern": "^[0-9]{1,9} ?(KiB|MiB)$" }] }))
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        let bytes = match (plain_type(node), &node.content) {
            (Plain::Whole(bytes), _) => Some(bytes),
            (Plain::Text, Content::One { text, .. }) => size(text),
            _ => None,
        };
        let size =
            bytes.and_then(|bytes| u32::try_from(bytes).ok()).filter(|size| (1..=i32::MAX as u32).contains(size));
        if size.is_none() {
            let problem = "a size from 1 byte to 2047 MiB is needed here";
            reader.fault(place, problem, "write bytes as a number, or a unit: 64 KiB, 1 MiB");
        }
        size.map(Self)
    }
}

fn size(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let factor = match unit.strip_prefix(' ').unwrap_or(unit) {
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => return None,
    };
    (digits.len() <= 9).then(|| digits.parse::<u64>().ok())?.map(|number| number * factor)
}

/// A duration that may be zero.
pub(super) struct Pause(pub(super) Duration);
/// A duration above zero.
pub(super) struct Span(pub(super) Duration);
/// A duration above zero, also in authentik's spelling.
pub(super) struct Validity(pub(super) Duration);

impl Value for Pause {
    fn kind() -> Kind {
        one("duration", json!({ "type": "string", "pattern": duration::PATTERN }))
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        read_duration(node, place, reader, duration::parse, "5m, 8h, 1h30m or 2d").map(Self)
    }
}

impl Value for Span {
    fn kind() -> Kind {
        Pause::kind()
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        let read = read_duration(node, place, reader, duration::parse, "5m, 8h, 1h30m or 2d")?;
        above_zero(read, place, reader).map(Self)
    }
}

impl Value for Validity {
    fn kind() -> Kind {
        let spellings = [duration::PATTERN, duration::AUTHENTIK_PATTERN].map(|pattern| json!({ "pattern": pattern }));
        one("duration, or authentik's `hours=8;minutes=30`", json!({ "type": "string", "anyOf": spellings }))
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        let either = |text: &str| duration::parse(text).or_else(|| duration::parse_authentik(text));
        let read = read_duration(node, place, reader, either, "8h, 2d or hours=8;minutes=30")?;
        above_zero(read, place, reader).map(Self)
    }
}

fn read_duration(
    node: &Node,
    place: &Place,
    reader: &mut Reader<'_>,
    parse: impl Fn(&str) -> Option<Duration>,
    examples: &str,
) -> Option<Duration> {
    let read = match (plain_type(node), &node.content) {
        (Plain::Text, Content::One { text, .. }) => parse(text),
        _ => None,
    };
    if read.is_none() {
        reader.fault(place, "a duration is needed here", format!("write numbers with units, such as {examples}"));
    }
    let read = read?;
    if read > duration::LONGEST {
        reader.fault(place, "the duration is longer than ten years", "write at most 3650d");
        return None;
    }
    Some(read)
}

fn above_zero(duration: Duration, place: &Place, reader: &mut Reader<'_>) -> Option<Duration> {
    if duration.is_zero() {
        reader.fault(place, "the duration is zero", "write a longer one");
        return None;
    }
    Some(duration)
}

/// Where to listen: a port on all interfaces, or an address and a port.
pub(super) struct Address(pub(super) SocketAddr);
/// Where to listen, or not at all.
pub(super) struct MaybeAddress(pub(super) Option<SocketAddr>);

impl Value for Address {
    fn kind() -> Kind {
        one("port or address:port", json!({ "anyOf": address_schemas() }))
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        read_address(node, place, reader, "write a port such as 9001, or 127.0.0.1:9001, or \"[::]:9001\"").map(Self)
    }
}

impl Value for MaybeAddress {
    fn kind() -> Kind {
        let mut schemas = address_schemas();
        schemas.push(json!({ "enum": ["off", false] }));
        one("port, address:port or off", json!({ "anyOf": schemas }))
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        // `off` without quotes is false to readers of YAML 1.1, so both spellings are taken.
        let off = matches!(&node.content, Content::One { text, .. } if &**text == "off");
        if off || plain_type(node) == Plain::Bool(false) {
            return Some(Self(None));
        }
        let mend = "write a port such as 9000, or 127.0.0.1:9000, or \"[::]:9000\", or off";
        read_address(node, place, reader, mend).map(|address| Self(Some(address)))
    }
}

fn address_schemas() -> Vec<Json> {
    let port = json!({ "type": "integer", "minimum": 0, "maximum": 65535 });
    vec![port, json!({ "type": "string", "pattern": r"^([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$" })]
}

fn read_address(node: &Node, place: &Place, reader: &mut Reader<'_>, mend: &str) -> Option<SocketAddr> {
    let everywhere = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    let address = match (plain_type(node), &node.content) {
        (Plain::Whole(port), _) => u16::try_from(port).ok().map(everywhere),
        (Plain::Text, Content::One { text, .. }) => text.parse().ok(),
        _ => None,
    };
    if address.is_none() {
        reader.fault(place, "it is no address to listen on", mend);
    }
    address
}

/// One of a few words.
pub(super) trait Choice: Copy + 'static {
    /// Each word and what it stands for.
    const CHOICES: &'static [(Self, &'static str)];
}

impl<T: Choice> Value for T {
    fn kind() -> Kind {
        let words: Vec<&str> = T::CHOICES.iter().map(|(_, word)| *word).collect();
        let name = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        one(&name, json!({ "enum": words }))
    }

    fn read(node: &Node, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        let written = match &node.content {
            Content::One { text, .. } => Some(&**text),
            Content::List(_) | Content::Section(_) | Content::Unusable(_) => None,
        };
        let choice = T::CHOICES.iter().find(|(_, word)| Some(*word) == written).map(|(choice, _)| *choice);
        if choice.is_none() {
            let words: Vec<&str> = T::CHOICES.iter().map(|(_, word)| *word).collect();
            reader.fault(place, "none of the words known here", format!("write one of {}", words.join(", ")));
        }
        choice
    }
}
