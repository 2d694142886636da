//! The protobuf wire format, as far as Checks need it: fields read without a copy, fields written into one buffer.

/// A field's value, borrowed from the message. Groups and fixed-width numbers, which no message of Envoy's Checks that we
/// read holds, are nothing that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A number, a truth value or an enumeration.
    Number,
    /// A text, bytes or a message.
    Bytes(&'a [u8]),
}

/// The fields of a message, in order of arrival. After `Some(None)`, which stands for anything unknown or broken, whatever
/// follows means nothing.
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
        let key = u32::try_from(self.number()?).ok()?;
        let value = match key & 0b111 {
            0 => self.number().map(|_| Value::Number)?,
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                let (value, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Value::Bytes(value)
            }
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn number(&mut self) -> Option<u64> {
        // Nearly every number takes one byte.
        if let Some((&byte, rest)) = self.0.split_first()
            && byte < 0x80
        {
            self.0 = rest;
            return Some(u64::from(byte));
        }
        self.long_number()
    }

    fn long_number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte holds the last bit of 64 alone.
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

/// Appends a field that holds bytes, a text or a message.
pub(super) fn put(message: &mut Vec<u8>, field: u8, value: &[u8]) {
    put_head(message, field, value.len());
    message.extend_from_slice(value);
}

/// Appends the beginning of such a field, `length` bytes of which follow.
pub(super) fn put_head(message: &mut Vec<u8>, field: u8, length: usize) {
    message.push(field << 3 | 2);
    let mut left = length;
    while left >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "seven bits are taken, the eighth is set")]
        message.push(left as u8 | 0x80);
        left >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "seven bits are left")]
    message.push(left as u8);
}

/// Appends a field that holds a number below 128.
pub(super) fn put_small(message: &mut Vec<u8>, field: u8, number: u8) {
    message.extend([field << 3, number]);
}

/// How many bytes such a field with `length` bytes takes.
pub(super) const fn field_bytes(length: usize) -> usize {
    let mut bytes = 2 + length;
    let mut left = length >> 7;
    while left > 0 {
        bytes += 1;
        left >>= 7;
    }
    bytes
}
