//! One line per event, as JSON or as text. Every value is escaped, so that no input can end a line, begin
//! another or steer a terminal (ASVS 16.4.1).

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::registry::LookupSpan;

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// For people at a terminal.
    Text,
}

/// Formats events for [`LogFormat`]; spans are not part of a line.
pub(super) struct Lines(pub(super) LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let meta = event.metadata();
        match self.0 {
            LogFormat::Json => {
                writer.write_str("{\"timestamp\":\"")?;
                SystemTime.format_time(&mut writer)?;
                write!(writer, "\",\"level\":\"{}\",\"target\":\"{}\"", meta.level(), meta.target())?;
                visit(event, Fields { writer: writer.by_ref(), style: json_field, result: Ok(()) })?;
                writer.write_str("}\n")
            }
            LogFormat::Text => {
                SystemTime.format_time(&mut writer)?;
                write!(writer, " {:>5} {}:", meta.level(), meta.target())?;
                visit(event, Fields { writer: writer.by_ref(), style: text_field, result: Ok(()) })?;
                writer.write_char('\n')
            }
        }
    }
}

fn visit(event: &Event<'_>, mut fields: Fields<'_>) -> fmt::Result {
    event.record(&mut fields);
    fields.result
}

/// How a field is written: its name, its value, and whether the value is a number or truth value.
type Style = fn(&mut Writer<'_>, &str, &dyn fmt::Display, bool) -> fmt::Result;

struct Fields<'a> {
    writer: Writer<'a>,
    style: Style,
    result: fmt::Result,
}

impl Fields<'_> {
    fn write(&mut self, field: &Field, value: &dyn fmt::Display, bare: bool) {
        if self.result.is_ok() {
            self.result = (self.style)(&mut self.writer, field.name(), value, bare);
        }
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, &format_args!("{value:?}"), false);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, &value, false);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, &value, true);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, &value, true);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.write(field, &value, value.is_finite());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, &value, true);
    }
}

fn json_field(writer: &mut Writer<'_>, name: &str, value: &dyn fmt::Display, bare: bool) -> fmt::Result {
    if bare {
        return write!(writer, ",\"{name}\":{value}");
    }
    for part in [",\"", name, "\":\""] {
        writer.write_str(part)?;
    }
    write!(Escaped { out: writer }, "{value}")?;
    writer.write_char('"')
}

/// The message stands alone, other fields as `name=value`, quoted unless the value is one plain word.
fn text_field(writer: &mut Writer<'_>, name: &str, value: &dyn fmt::Display, bare: bool) -> fmt::Result {
    writer.write_char(' ')?;
    if name != "message" {
        write!(writer, "{name}=")?;
    }
    if bare {
        return write!(writer, "{value}");
    }
    let quoted = name != "message";
    if quoted {
        writer.write_char('"')?;
    }
    write!(Escaped { out: writer }, "{value}")?;
    if quoted { writer.write_char('"') } else { Ok(()) }
}

/// Writes text as the inside of a JSON string (RFC 8259 section 7), with all control and format characters
/// escaped, the C1 controls and line separators among them.
struct Escaped<'a, 'w> {
    out: &'a mut Writer<'w>,
}

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Nearly all text is, and is seen to be so at once.
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
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

impl Escaped<'_, '_> {
    fn unicode(&mut self, character: char) -> fmt::Result {
        let mut units = [0; 2];
        character.encode_utf16(&mut units).iter().try_for_each(|unit| write!(self.out, "\\u{unit:04x}"))
    }
}

fn must_escape(character: char) -> bool {
    matches!(character, '"' | '\\' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        || character.is_control()
}
