//! Configuration files as commands write them: YAML in block style, with comments.

use std::fmt::{self, Write as _};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A text that stands for itself: variables in it are not replaced.
    Text(String),
    /// A text that is written without change: a word such as `true`, a number, or a reference to a variable (`${NAME}`).
    Word(String),
    List(Vec<Value>),
    Section(Section),
}

/// The keys of a section, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Comment(String),
    Pair(String, Value),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Word(flag.to_string())
    }
}

impl From<Section> for Value {
    fn from(section: Section) -> Self {
        Self::Section(section)
    }
}

impl<Item: Into<Self>> FromIterator<Item> for Value {
    fn from_iter<Items: IntoIterator<Item = Item>>(items: Items) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl Section {
    /// The section with one key.
    pub(super) fn of(key: &str, value: impl Into<Value>) -> Self {
        let mut section = Self::default();
        section.set(key, value);
        section
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a key.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0.push(Entry::Pair(key.to_owned(), value.into()));
    }

    /// Adds a comment, of one line or several.
    pub(super) fn comment(&mut self, text: &str) {
        self.0.push(Entry::Comment(text.to_owned()));
    }

    /// Adds all entries of another section.
    pub(super) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn write(&self, out: &mut String, indent: usize) {
        for entry in &self.0 {
            match entry {
                Entry::Comment(text) => {
                    for line in text.lines() {
                        // Terminals and parsers interpret control characters, and texts come from other programs' files, too.
                        let line: String =
                            line.chars().map(|sign| if sign.is_control() { '\u{fffd}' } else { sign }).collect();
                        let _ = writeln!(out, "{:indent$}{}", "", format!("# {line}").trim_end());
                    }
                }
                Entry::Pair(key, value) => {
                    let _ = write!(out, "{:indent$}{}:", "", scalar(key));
                    value.write(out, indent);
                }
            }
        }
    }
}

impl Value {
    /// Writes the value behind its key.
    fn write(&self, out: &mut String, indent: usize) {
        match self {
            Self::Section(section) if !section.is_empty() => {
                out.push('\n');
                section.write(out, indent + 2);
            }
            Self::List(items) if items.iter().any(|item| matches!(item, Self::Section(_))) => {
                out.push('\n');
                for item in items {
                    item.write_item(out, indent + 2);
                }
            }
            Self::Text(_) | Self::Word(_) | Self::List(_) | Self::Section(_) => {
                let _ = writeln!(out, " {}", self.inline());
            }
        }
    }

    fn write_item(&self, out: &mut String, indent: usize) {
        let Self::Section(section) = self else {
            let _ = writeln!(out, "{:indent$}- {}", "", self.inline());
            return;
        };
        let mut lines = String::new();
        section.write(&mut lines, indent + 2);
        // The first line that is no comment bears the dash.
        let mut is_begun = false;
        for line in lines.lines() {
            let content = line.trim_start();
            if is_begun || content.starts_with('#') {
                let _ = writeln!(out, "{line}");
            } else {
                is_begun = true;
                let _ = writeln!(out, "{:indent$}- {content}", "");
            }
        }
    }

    fn inline(&self) -> String {
        match self {
            Self::Text(text) => scalar(&text.replace("${", "$${")),
            Self::Word(word) => word.clone(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::inline).collect::<Vec<_>>().join(", ")),
            Self::Section(_) => "{}".to_owned(),
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text, 0);
        f.write_str(&text)
    }
}

/// A text as YAML reads it back: without quotes where that is safe, else as JSON, of which YAML is a superset (YAML 1.2
/// section 1.2).
fn scalar(text: &str) -> String {
    const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", ".inf"];
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && !text.ends_with(':')
        && text.chars().all(|sign| sign.is_ascii_alphanumeric() || "-_./:@=+".contains(sign))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_written_in_block_style_with_their_comments() {
        let mut rule = Section::default();
        rule.comment("why\nand how\u{7}");
        rule.set("groups", ["staff", "a, b"].into_iter().collect::<Value>());
        rule.set("anyone", true);
        let mut section = Section::of("name", "Team: \"Wiki\" ${HOME}");
        section.set("client_secret", Value::Word("${SECRET}".to_owned()));
        section.set("allow", [rule].into_iter().collect::<Value>());
        section.set("empty", Section::default());
        section.set("inner", Section::of("on", "no"));
        let expected = r#"name: "Team: \"Wiki\" $${HOME}"
client_secret: ${SECRET}
allow:
    # why
    # and how�
  - groups: [staff, "a, b"]
    anyone: true
empty: {}
inner:
  "on": "no"
"#;
        assert_eq!(section.to_string(), expected);
    }
}
