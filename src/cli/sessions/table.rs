//! Sessions as a table and as JSON.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::plain::plain;
use crate::admin_api::Session;
use crate::domain::time::Timestamp;

const HEAD: [&str; 6] = ["USER", "APPLICATION", "SIGNED IN", "LAST USED", "ENDS", "HANDLE"];
/// Rows that are laid out together; no more than these are held in memory.
const BLOCK: usize = 500;

type Row = [String; 6];

/// Prints sessions in columns.
pub(super) struct Table {
    now: Timestamp,
    widths: [usize; 6],
    rows: Vec<Row>,
    is_headed: bool,
}

impl Table {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { now, widths: HEAD.map(str::len), rows: Vec::new(), is_headed: false }
    }

    pub(super) fn add(&mut self, session: &Session, out: &mut dyn Write) -> io::Result<()> {
        let at = Timestamp::from_unix;
        let row = [
            session.user.as_ref().map(|user| plain(&user.name)).unwrap_or_default(),
            plain(&session.application),
            format!("{} ago", span(self.now.since(at(session.created)))),
            format!("{} ago", span(self.now.since(at(session.last_seen)))),
            format!("in {}", span(at(session.ends).since(self.now))),
            plain(&session.handle),
        ];
        for (width, cell) in self.widths.iter_mut().zip(&row) {
            *width = (*width).max(cell.chars().count());
        }
        self.rows.push(row);
        if self.rows.len() < BLOCK { Ok(()) } else { self.print(out) }
    }

    /// Prints the remaining rows; without any session, `no sessions`.
    pub(super) fn finish(mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.is_empty() && !self.is_headed {
            return writeln!(out, "no sessions");
        }
        self.print(out)
    }

    fn print(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.is_headed {
            self.is_headed = true;
            line(&HEAD.map(str::to_owned), &self.widths, out)?;
        }
        self.rows.drain(..).try_for_each(|row| line(&row, &self.widths, out))
    }
}

fn line(row: &Row, widths: &[usize; 6], out: &mut dyn Write) -> io::Result<()> {
    let [cells @ .., last] = row;
    for (cell, width) in cells.iter().zip(widths) {
        write!(out, "{cell:width$}  ")?;
    }
    writeln!(out, "{last}")
}

/// The two largest units: `2d4h`, `3h12m`, `40s`.
fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let units = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds % 60, "s")];
    let from = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let largest = units.iter().skip(from).take(2).filter(|(count, _)| *count > 0);
    let text = largest.fold(String::new(), |text, (count, unit)| text + &count.to_string() + unit);
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// All fields of a session as JSON in one line.
pub(super) fn as_json(session: &Session) -> String {
    let user = session.user.clone().unwrap_or_default();
    json!({
        "handle": session.handle,
        "user": user.name,
        "subject": user.subject,
        "issuer": user.issuer,
        "application": session.application,
        "created": date(session.created),
        "last_seen": date(session.last_seen),
        "ends": date(session.ends),
        "refreshed": session.refreshed,
    })
    .to_string()
}

/// The time in RFC 3339 format, in UTC; `None`, in JSON `null`, beyond the end of the calendar.
fn date(seconds: u64) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    moment.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin_api::User;

    fn session(name: &str) -> Session {
        let user = User { issuer: "https://sso.example.com/".into(), subject: "sub".into(), name: name.into() };
        Session {
            handle: "ab".repeat(32),
            user: Some(user),
            application: "wiki".into(),
            created: 1_900_000_000,
            last_seen: 1_900_007_140,
            ends: 1_900_086_400,
            refreshed: 2,
        }
    }

    fn printed(count: usize) -> String {
        let (mut out, mut table) = (Vec::new(), Table::new(Timestamp::from_unix(1_900_007_200)));
        for number in 0..count {
            table.add(&session(&format!("alice-{number}")), &mut out).expect("is written");
            assert!(table.rows.len() < BLOCK);
        }
        table.finish(&mut out).expect("is written");
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn people_get_a_table() {
        let handle = "ab".repeat(32);
        let expected = format!(
            "USER     APPLICATION  SIGNED IN  LAST USED  ENDS    HANDLE\n\
             alice-0  wiki         2h ago     1m ago     in 22h  {handle}\n"
        );
        assert_eq!(printed(1), expected);
        assert_eq!(printed(0), "no sessions\n");
        assert_eq!(printed(1234).lines().count(), 1235, "one head, and every session once");
        assert_eq!(printed(BLOCK).lines().count(), BLOCK + 1);
    }

    #[test]
    fn programs_get_a_line_of_json() {
        let line: serde_json::Value = serde_json::from_str(&as_json(&session("al\nice"))).expect("is JSON");
        let expected = json!({
            "handle": "ab".repeat(32), "user": "al\nice", "subject": "sub", "issuer": "https://sso.example.com/",
            "application": "wiki", "created": "2030-03-17T17:46:40Z", "last_seen": "2030-03-17T19:45:40Z",
            "ends": "2030-03-18T17:46:40Z", "refreshed": 2,
        });
        assert_eq!(line, expected);
        assert!(!as_json(&session("al\nice")).contains('\n'));
    }

    #[test]
    fn spans_are_short() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3599, "59m59s"),
            (3600, "1h"),
            (3601, "1h"),
            (11_520, "3h12m"),
            (187_200, "2d4h"),
            (86_401, "1d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }
}
