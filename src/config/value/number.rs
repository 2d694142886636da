//! Whole numbers and sizes.

use serde_json::json;

use super::{Plain, Value, one, plain_type};
use crate::config::diagnostic::Location;
use crate::config::document::{Content, Node};
use crate::config::outline::ValueType;
use crate::config::reader::Reader;

/// A whole number of at least 1.
pub(in crate::config) struct Count(pub(in crate::config) u32);

impl Value for Count {
    fn value_type() -> ValueType {
        one("number", json!({ "type": "integer", "minimum": 1, "maximum": i32::MAX }))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let number = match plain_type(node) {
            Plain::Whole(number) => u32::try_from(number).ok().filter(|number| (1..=i32::MAX as u32).contains(number)),
            Plain::Null | Plain::Bool(_) | Plain::Number | Plain::Text => None,
        };
        if number.is_none() {
            reader.fault(location, "a whole number from 1 to 2147483647 is needed here", "write digits only");
        }
        number.map(Self)
    }
}

/// A share, from 0 to 1.
pub(in crate::config) struct Ratio(pub(in crate::config) f64);

impl Value for Ratio {
    fn value_type() -> ValueType {
        one("number from 0 to 1", json!({ "type": "number", "minimum": 0, "maximum": 1 }))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let number = match (plain_type(node), &node.content) {
            (Plain::Whole(_) | Plain::Number, Content::One { text, .. }) => text.parse::<f64>().ok(),
            _ => None,
        };
        let share = number.filter(|share| (0.0..=1.0).contains(share));
        if share.is_none() {
            reader.fault(location, "a number from 0 to 1 is needed here", "write a share like 0.1");
        }
        share.map(Self)
    }
}

/// A number of bytes, at least 1.
pub(in crate::config) struct Size(pub(in crate::config) u32);

impl Value for Size {
    fn value_type() -> ValueType {
        let number = json!({ "type": "integer", "minimum": 1, "maximum": i32::MAX });
        one("size", json!({ "anyOf": [number, { "type": "string", "pattern": "^[0-9]{1,9} ?(KiB|MiB)$" }] }))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        let bytes = match (plain_type(node), &node.content) {
            (Plain::Whole(bytes), _) => Some(bytes),
            (Plain::Text, Content::One { text, .. }) => size(text),
            _ => None,
        };
        let size =
            bytes.and_then(|bytes| u32::try_from(bytes).ok()).filter(|size| (1..=i32::MAX as u32).contains(size));
        if size.is_none() {
            let problem = "a size from 1 byte to 2047 MiB is needed here";
            reader.fault(location, problem, "write bytes as a number, or a unit: 64 KiB, 1 MiB");
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

/// A number as it is written in the file.
pub(in crate::config) fn written_count(number: usize) -> String {
    number.to_string()
}

/// A number of bytes as it is written in the file: in the largest unit that holds it exactly.
pub(in crate::config) fn written_size(bytes: usize) -> String {
    const KIB: usize = 1024;
    const MIB: usize = 1024 * KIB;
    match bytes {
        bytes if bytes % MIB == 0 => format!("{} MiB", bytes / MIB),
        bytes if bytes % KIB == 0 => format!("{} KiB", bytes / KIB),
        bytes => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_written_as_it_is_read() {
        for (bytes, text) in
            [(1024, "1 KiB"), (64 * 1024, "64 KiB"), (1024 * 1024, "1 MiB"), (3 * 1024 * 1024, "3 MiB")]
        {
            assert_eq!(written_size(bytes), text);
            assert_eq!(size(text), u64::try_from(bytes).ok());
        }
        assert_eq!(written_size(1000), "1000");
    }
}
