//! Reads protobuf fields without copying: prost's generated types own all their texts.

use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint, encoded_len_varint, key_len};

/// A field's value, borrowed from the message. Groups and fixed-width numbers are not supported: no message of Envoy's
/// Checks that is read here contains any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A number, a boolean or an enumeration.
    Number,
    /// A text, bytes or a message.
    Bytes(&'a [u8]),
}

/// The fields of a message, in order of arrival. An item `None` stands for an unknown or malformed field; items after it are
/// meaningless.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

/// Reads the fields of `message`.
pub(super) const fn fields(message: &[u8]) -> Fields<'_> {
    Fields(message)
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u32, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() { None } else { Some(self.field()) }
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u32, Value<'a>)> {
        // Nearly all fields of a Check: bytes whose key and length take one byte each. Number 0 is none.
        if let [key @ 0o12..=0o172, length @ ..0x80, rest @ ..] = self.0
            && key & 0o7 == WireType::LengthDelimited as u8
        {
            let (value, rest) = rest.split_at_checked(usize::from(*length))?;
            self.0 = rest;
            return Some((u32::from(key >> 3), Value::Bytes(value)));
        }
        let (tag, wire_type) = decode_key(&mut self.0).ok()?;
        let number = |bytes: &mut &[u8]| decode_varint(bytes).ok();
        let value = match wire_type {
            WireType::Varint => number(&mut self.0).map(|_| Value::Number)?,
            WireType::LengthDelimited => {
                let length = usize::try_from(number(&mut self.0)?).ok()?;
                let (value, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Value::Bytes(value)
            }
            WireType::SixtyFourBit | WireType::StartGroup | WireType::EndGroup | WireType::ThirtyTwoBit => return None,
        };
        Some((tag, value))
    }
}

/// The values of a message that consists of two fields of these numbers (below 16), in this order, with bytes whose lengths are not
/// zero and take one byte each; `None` for all other messages. Most header lines are like this: this takes a third of the
/// instructions of [`fields`].
pub(super) fn two_fields(message: &[u8], first: u32, second: u32) -> Option<(&[u8], &[u8])> {
    let key = |number: u32| (number << 3) | WireType::LengthDelimited as u32;
    let [first_key, first_length @ 1..0x80, rest @ ..] = message else { return None };
    let (value, rest) = rest.split_at_checked(usize::from(*first_length))?;
    let [second_key, second_length @ 1..0x80, rest @ ..] = rest else { return None };
    let is_so = u32::from(*first_key) == key(first)
        && u32::from(*second_key) == key(second)
        && usize::from(*second_length) == rest.len();
    is_so.then_some((value, rest))
}

/// Appends a field that holds bytes, a text or a message.
pub(super) fn put(message: &mut Vec<u8>, tag: u32, value: &[u8]) {
    put_head(message, tag, value.len());
    message.extend_from_slice(value);
}

/// Appends the key and length of such a field; `length` bytes of value have to follow.
pub(super) fn put_head(message: &mut Vec<u8>, tag: u32, length: usize) {
    // As above: nearly all take one byte each.
    if let (Ok(tag @ 1..=15), Ok(length @ ..0x80)) = (u8::try_from(tag), u8::try_from(length)) {
        return message.extend_from_slice(&[(tag << 3) | WireType::LengthDelimited as u8, length]);
    }
    encode_key(tag, WireType::LengthDelimited, message);
    encode_varint(length as u64, message);
}

/// The encoded size of such a field with a value of `length` bytes.
pub(super) const fn field_bytes(tag: u32, length: usize) -> usize {
    key_len(tag) + encoded_len_varint(length as u64) + length
}
