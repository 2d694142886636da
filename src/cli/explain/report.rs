//! The findings: labels and texts, in two columns or as JSON.

use std::fmt;

use serde_json::{Value, json};

/// The column at which texts begin.
const INDENT: usize = 13;
/// The column after which a list of words continues in the next line.
const WIDTH: usize = 110;

/// Lines in two columns.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(&'static str, String)>);

impl Report {
    /// A labelled line; further lines of the text follow below it without a label.
    pub(super) fn line(&mut self, label: &'static str, text: impl AsRef<str>) {
        let mut label = label;
        for line in text.as_ref().lines() {
            self.0.push((label, line.to_owned()));
            label = "";
        }
    }

    /// A list of words, as many in a line as fit.
    pub(super) fn words<'a>(&mut self, label: &'static str, words: impl IntoIterator<Item = &'a str>) {
        let mut lines = String::new();
        let mut width = 0;
        for word in words {
            if width > 0 && INDENT + width + 1 + word.len() > WIDTH {
                lines.push('\n');
                width = 0;
            } else if width > 0 {
                lines.push(' ');
                width += 1;
            }
            lines.push_str(word);
            width += word.len();
        }
        self.line(label, lines);
    }

    /// The same as JSON: a label, and the lines of its text.
    pub(super) fn as_json(&self) -> Value {
        let mut findings: Vec<(&str, Vec<&str>)> = Vec::new();
        for (label, text) in &self.0 {
            match findings.last_mut() {
                Some((_, lines)) if label.is_empty() => lines.push(text),
                _ => findings.push((label, vec![text])),
            }
        }
        findings.into_iter().map(|(label, lines)| json!({ "label": label, "lines": lines })).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (label, text) in &self.0 {
            // Replaces control characters: terminals interpret them, and texts come from claims and addresses.
            let text: String = text.chars().map(|sign| if sign.is_control() { '\u{fffd}' } else { sign }).collect();
            writeln!(f, "{}", format!("{label:<INDENT$}{text}").trim_end())?;
        }
        Ok(())
    }
}
