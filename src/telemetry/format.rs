//! One line per event, as JSON or as text. Every value is escaped, so that no input can end a line, begin
//! another or steer a terminal (ASVS 16.4.1).

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use serde_json::Number;
use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

/// The format of log events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// Plain text, for people at a terminal.
    Text,
}

/// Room for a line; that of a decision has about 350 bytes.
const LINE_BYTES: usize = 512;

/// Formats events for [`LogFormat`]; spans are not part of a line.
pub(super) struct Lines(pub(super) LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let meta = event.metadata();
        // The writer is a trait object behind two references: what is written piece by piece goes into a text of ours.
        let mut line = String::with_capacity(LINE_BYTES);
        match self.0 {
            LogFormat::Json => {
                line.push_str("{\"timestamp\":\"");
                push_timestamp(&mut line)?;
                for part in ["\",\"level\":\"", meta.level().as_str(), "\",\"target\":\"", meta.target(), "\""] {
                    line.push_str(part);
                }
                visit(event, Fields { line: &mut line, format: self.0, result: Ok(()) })?;
                line.push_str("}\n");
            }
            LogFormat::Text => {
                push_timestamp(&mut line)?;
                write!(line, " {:>5} {}:", meta.level(), meta.target())?;
                visit(event, Fields { line: &mut line, format: self.0, result: Ok(()) })?;
                line.push('\n');
            }
        }
        writer.write_str(&line)
    }
}

thread_local! {
    /// The second of this thread's last line, since the Unix epoch, and its text: date and time take a fifth of the instructions
    /// of a line, and thousands of lines share them.
    static SECOND: RefCell<(Option<u64>, String)> = const { RefCell::new((None, String::new())) };
}

/// The time in UTC with microseconds (RFC 3339).
#[expect(clippy::disallowed_methods, reason = "tells when a line was written; no rule depends on it")]
fn push_timestamp(line: &mut String) -> fmt::Result {
    push_time(line, SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn push_time(line: &mut String, since_epoch: Duration) -> fmt::Result {
    let second = since_epoch.as_secs();
    SECOND.with_borrow_mut(|(of, text)| {
        if *of != Some(second) {
            let seconds = i64::try_from(second).unwrap_or_default();
            let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            let (date, (hour, minute, second_of_minute)) = (at.date(), at.to_hms());
            text.clear();
            let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
            write!(text, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second_of_minute:02}")?;
            *of = Some(second);
        }
        line.push_str(text);
        fmt::Result::Ok(())
    })?;
    write!(line, ".{:06}Z", since_epoch.subsec_micros())
}

fn visit(event: &Event<'_>, mut fields: Fields<'_>) -> fmt::Result {
    event.record(&mut fields);
    fields.result
}

struct Fields<'a> {
    line: &'a mut String,
    format: LogFormat,
    result: fmt::Result,
}

impl Fields<'_> {
    /// Writes a field: its name, its value, and whether the value is a number or truth value.
    fn write(&mut self, field: &Field, value: &dyn fmt::Display, bare: bool) {
        if self.result.is_ok() {
            self.result = match self.format {
                LogFormat::Json => json_field(self.line, field.name(), value, bare),
                LogFormat::Text => text_field(self.line, field.name(), value, bare),
            };
        }
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, &format_args!("{value:?}"), false);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match self.format {
            // Most fields are text: straight into the line.
            LogFormat::Json if self.result.is_ok() => {
                begin_json_text(self.line, field.name());
                self.result = Escaped { out: self.line }.write_str(value);
                self.line.push('"');
            }
            LogFormat::Json | LogFormat::Text => self.write(field, &value, false),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, &value, true);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, &value, true);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // The library for JSON takes a fifth of the instructions that the standard library takes.
        match Number::from_f64(value) {
            Some(number) => self.write(field, &number, true),
            None => self.write(field, &value, false),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, &value, true);
    }
}

fn json_field(line: &mut String, name: &str, value: &dyn fmt::Display, bare: bool) -> fmt::Result {
    if bare {
        return write!(line, ",\"{name}\":{value}");
    }
    begin_json_text(line, name);
    write!(Escaped { out: line }, "{value}")?;
    line.write_char('"')
}

/// The name of a field, and the quotation mark before its text.
fn begin_json_text(line: &mut String, name: &str) {
    for part in [",\"", name, "\":\""] {
        line.push_str(part);
    }
}

/// The message without its name, other fields as `name=value`, quoted unless the value is a number or boolean.
fn text_field(line: &mut String, name: &str, value: &dyn fmt::Display, bare: bool) -> fmt::Result {
    line.push(' ');
    if name != "message" {
        write!(line, "{name}=")?;
    }
    if bare {
        return write!(line, "{value}");
    }
    let quoted = name != "message";
    if quoted {
        line.push('"');
    }
    write!(Escaped { out: line }, "{value}")?;
    if quoted { line.write_char('"') } else { Ok(()) }
}

/// Writes text as the inside of a JSON string (RFC 8259 section 7), with all control and format characters
/// escaped, the C1 controls and line separators among them.
struct Escaped<'a> {
    out: &'a mut String,
}

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Fast path: nearly all text needs no escaping. Without a branch for each byte, the compiler tests many at once.
        let is_plain = |byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
            return self.out.write_str(text);
        }
        let mut rest = text;
        while let Some(at) = rest.find(must_escape) {
            let (plain, tail) = rest.split_at(at);
            self.out.write_str(plain)?;
            let mut tail = tail.chars();
            match tail.next() {
                Some('"') => self.out.write_str("\\\"")?,
                Some('\\') => self.out.write_str("\\\\")?,
                Some('\n') => self.out.write_str("\\n")?,
                Some(other) => self.unicode(other)?,
                None => {}
            }
            rest = tail.as_str();
        }
        self.out.write_str(rest)
    }
}

impl Escaped<'_> {
    fn unicode(&mut self, character: char) -> fmt::Result {
        let mut units = [0; 2];
        character.encode_utf16(&mut units).iter().try_for_each(|unit| write!(self.out, "\\u{unit:04x}"))
    }
}

fn must_escape(character: char) -> bool {
    matches!(character, '"' | '\\') || is_unprintable(character)
}

/// Whether programs and terminals take the character for more than a part of a text: control characters, line separators, and marks
/// that change the direction of writing.
#[must_use]
pub fn is_unprintable(character: char) -> bool {
    matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}') || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_of_the_moment_even_when_the_second_is_known() {
        for (seconds, micros, expected) in [
            (951_782_400, 0, "2000-02-29T00:00:00.000000Z"),
            (951_782_400, 42, "2000-02-29T00:00:00.000042Z"),
            (951_868_799, 999_999, "2000-02-29T23:59:59.999999Z"),
            (951_868_800, 0, "2000-03-01T00:00:00.000000Z"),
            (0, 1, "1970-01-01T00:00:00.000001Z"),
            (1_900_000_000, 0, "2030-03-17T17:46:40.000000Z"),
            (0, 2, "1970-01-01T00:00:00.000002Z"),
        ] {
            let mut line = String::new();
            push_time(&mut line, Duration::new(seconds, micros * 1000)).expect("text takes it");
            assert_eq!(line, expected);
        }
    }
}
