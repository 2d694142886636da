//! The output: the findings by subject, as a table or as JSON.

use std::fmt;

use serde_json::{Value, json};

use crate::outbound::finding::{Finding, Level};

/// The columns at which names of checks and texts begin.
const CHECK: usize = 6;
const TEXT: usize = 23;

/// All findings, in a stable order.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Section>);

/// The findings about one subject.
#[derive(Debug)]
pub(super) struct Section {
    subject: String,
    findings: Vec<Finding>,
}

impl Section {
    pub(super) const fn new(subject: String, findings: Vec<Finding>) -> Self {
        Self { subject, findings }
    }
}

impl Report {
    pub(super) fn push(&mut self, section: Section) {
        self.0.push(section);
    }

    fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter().flat_map(|section| &section.findings)
    }

    /// The worst level among the findings.
    pub(super) fn level(&self) -> Level {
        self.findings().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }

    /// An object: `result` is the worst `level` (a note counts as ok), `sections` have a `subject` and `findings`, each with `level`,
    /// `check`, `text` and `help` (null where nothing is to be done).
    pub(super) fn to_json(&self) -> Value {
        let finding = |Finding { level, check, text, help }: &Finding| {
            let help = Some(help).filter(|help| !help.is_empty());
            json!({ "level": level.as_str(), "check": check, "text": text, "help": help })
        };
        let section = |Section { subject, findings }: &Section| json!({ "subject": subject, "findings": findings.iter().map(finding).collect::<Value>() });
        let result = match self.level() {
            Level::Ok | Level::Note => Level::Ok,
            worse @ (Level::Warn | Level::Fail) => worse,
        };
        json!({ "result": result.as_str(), "sections": self.0.iter().map(section).collect::<Value>() })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Section { subject, findings } in &self.0 {
            writeln!(f, "{}", printable(subject))?;
            for Finding { level, check, text, help } in findings {
                writeln!(f, "  {:<CHECK$}{check:<TEXT$}{}", level.as_str(), printable(text))?;
                if !help.is_empty() {
                    writeln!(f, "  {:<CHECK$}{:<TEXT$}→ {}", "", "", printable(help))?;
                }
            }
            writeln!(f)?;
        }
        let count = |level| self.findings().filter(|finding| finding.level == level).count();
        let levels = [Level::Ok, Level::Note, Level::Warn, Level::Fail];
        let counts = levels.map(|level| format!("{} {}", count(level), level.as_str()));
        writeln!(f, "{}", counts.join(", "))
    }
}

/// Without control characters: terminals interpret them, and texts come from servers, too.
fn printable(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { '\u{fffd}' } else { sign }).collect()
}
