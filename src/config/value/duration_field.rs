//! Durations as values: whether they may be zero, and whether authentik's notation is accepted.

use std::time::Duration;

use serde_json::json;

use super::{Plain, Value, one, plain_type};
use crate::config::diagnostic::Location;
use crate::config::document::{Content, Node};
use crate::config::duration;
use crate::config::outline::ValueType;
use crate::config::reader::Reader;

/// A duration that may be zero.
pub(in crate::config) struct DurationOrZero(pub(in crate::config) Duration);
/// A duration above zero.
pub(in crate::config) struct DurationField(pub(in crate::config) Duration);
/// A duration above zero, also in authentik's notation.
pub(in crate::config) struct Validity(pub(in crate::config) Duration);

impl Value for DurationOrZero {
    fn value_type() -> ValueType {
        one("duration", json!({ "type": "string", "pattern": duration::PATTERN }))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        read_duration(node, location, reader, duration::parse, "5m, 8h, 1h30m or 2d").map(Self)
    }
}

impl Value for DurationField {
    fn value_type() -> ValueType {
        DurationOrZero::value_type()
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let read = read_duration(node, location, reader, duration::parse, "5m, 8h, 1h30m or 2d")?;
        above_zero(read, location, reader).map(Self)
    }
}

impl Value for Validity {
    fn value_type() -> ValueType {
        let spellings = [duration::PATTERN, duration::AUTHENTIK_PATTERN].map(|pattern| json!({ "pattern": pattern }));
        one("duration, or authentik's `hours=8;minutes=30`", json!({ "type": "string", "anyOf": spellings }))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let either = |text: &str| duration::parse(text).or_else(|| duration::parse_authentik(text));
        let read = read_duration(node, location, reader, either, "8h, 2d or hours=8;minutes=30")?;
        above_zero(read, location, reader).map(Self)
    }
}

fn read_duration(
    node: &Node,
    location: &Location,
    reader: &mut Reader<'_>,
    parse: impl Fn(&str) -> Option<Duration>,
    examples: &str,
) -> Option<Duration> {
    let read = match (plain_type(node), &node.content) {
        (Plain::Text, Content::One { text, .. }) => parse(text),
        _ => None,
    };
    if read.is_none() {
        reader.fault(location, "a duration is needed here", format!("write numbers with units, such as {examples}"));
    }
    let read = read?;
    if read > duration::LONGEST {
        reader.fault(location, "the duration is longer than ten years", "write at most 3650d");
        return None;
    }
    Some(read)
}

fn above_zero(duration: Duration, location: &Location, reader: &mut Reader<'_>) -> Option<Duration> {
    if duration.is_zero() {
        reader.fault(location, "the duration is zero", "write a longer one");
        return None;
    }
    Some(duration)
}

/// A duration as it is written in the file.
pub(in crate::config) fn written_span(duration: Duration) -> String {
    duration::written(duration)
}
