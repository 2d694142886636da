//! A section of the file, declared once: from one declaration the macro [`section!`] generates the structure of the raw
//! values, its reader, and the outline from which the JSON Schema and the reference are generated.

use std::sync::Arc;

use super::diagnostic::Location;
use super::document::{self, Key, Node};
use super::reader::{Reader, Setting, Spanned};
use super::value::{self, Value};

/// The key that includes the keys of another section in YAML 1.1.
const MERGE_KEY: &str = "<<";

/// The entries of a section that have not been assigned to fields yet.
pub(super) struct Entries<'n> {
    location: Location,
    left: Vec<(&'n Key, &'n Arc<str>, &'n Node)>,
}

impl<'n> Entries<'n> {
    /// Records unknown and repeated keys as faults.
    pub(super) fn new(
        entries: &'n [(Key, Node)],
        location: &Location,
        names: &[&'static str],
        reader: &mut Reader<'_>,
    ) -> Self {
        let mut left: Vec<(&Key, &Arc<str>, &Node)> = Vec::new();
        for (key, node) in entries {
            let Some(name) = key.text.as_ref() else {
                let location = Location::new(&location.key, key.at.line, key.at.column);
                reader.fault(&location, "a key must be a single word", "write `key: value`");
                continue;
            };
            if &**name == MERGE_KEY {
                let location = location.inside_at(MERGE_KEY, key.at.line, key.at.column);
                let problem = "YAML merge keys are not supported; YAML 1.2 does not define them";
                reader.fault(
                    &location,
                    problem,
                    "write the keys themselves; a single value can be repeated by `&name` and `*name`",
                );
                continue;
            }
            if let Some((first, ..)) = left.iter().find(|(_, earlier, _)| *earlier == name) {
                let location = location.inside_at(&printable(name), key.at.line, key.at.column);
                let problem = format!("the key occurs twice, first in line {}", first.at.line);
                reader.fault(&location, problem, "keep one of them");
            } else if names.contains(&&**name) {
                left.push((key, name, node));
            } else {
                let location = location.inside_at(&printable(name), key.at.line, key.at.column);
                reader.fault(&location, "there is no such key", help_with_unknown(name, names));
            }
        }
        Self { location: location.clone(), left }
    }

    fn take(&mut self, name: &str) -> Option<&'n Node> {
        let index = self.left.iter().position(|(_, text, _)| ***text == *name)?;
        Some(self.left.swap_remove(index).2)
    }

    /// A key that may be missing. `key:` without a value counts as missing.
    pub(super) fn optional<T: Value>(&mut self, name: &str, reader: &mut Reader<'_>) -> Setting<T> {
        match self.take(name) {
            Some(node) if !node.is_null() => {
                let location = self.location.inside_at(name, node.at.line, node.at.column);
                value::read(node, location, reader).map_or(Setting::Faulty, Setting::Given)
            }
            Some(_) | None => Setting::Absent,
        }
    }

    /// A key that may be missing but must not be empty: an empty restriction would open to all what it should restrict.
    pub(super) fn non_empty<T: Value>(&mut self, name: &str, reader: &mut Reader<'_>) -> Setting<T> {
        let key = self.left.iter().find(|(_, text, _)| ***text == *name).map(|(key, ..)| key.at);
        match (self.optional(name, reader), key) {
            (Setting::Absent, Some(at)) => {
                let location = self.location.inside_at(name, at.line, at.column);
                reader.fault(&location, "the key has no value", "write one after the colon, or remove the key");
                Setting::Faulty
            }
            (slot, _) => slot,
        }
    }

    /// A required key.
    pub(super) fn required<T: Value>(&mut self, name: &str, reader: &mut Reader<'_>) -> Setting<T> {
        let key = self.left.iter().find(|(_, text, _)| ***text == *name).map(|(key, ..)| key.at);
        let slot = self.optional(name, reader);
        match (&slot, key) {
            (Setting::Given(_) | Setting::Faulty, _) => return slot,
            (Setting::Absent, None) => {
                reader.fault(&self.location.inside(name), "it is required and missing", format!("add `{name}: …`"));
            }
            (Setting::Absent, Some(at)) => {
                let location = self.location.inside_at(name, at.line, at.column);
                reader.fault(&location, "it is required and has no value", "write one after the colon");
            }
        }
        Setting::Faulty
    }

    /// A key with a default, which also replaces a faulty value so that reading can continue.
    pub(super) fn defaulted<T: Value>(&mut self, name: &str, default: &str, reader: &mut Reader<'_>) -> Spanned<T> {
        match self.optional(name, reader) {
            Setting::Given(value) => value,
            Setting::Absent | Setting::Faulty => self.default(name, default, reader),
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "defaults do not depend on what is written, and a test reads every one of them"
    )]
    fn default<T: Value>(&self, name: &str, default: &str, reader: &mut Reader<'_>) -> Spanned<T> {
        let node = document::parse(default).ok();
        let read = node.and_then(|node| value::read(&node, self.location.inside(name), reader));
        read.expect("a default is readable")
    }
}

/// A key's name for diagnostics; hidden when it does not look like a key, because it could be a misplaced secret.
pub(in crate::config) fn printable(name: &str) -> String {
    let harmless = name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if harmless { name.to_owned() } else { "…".to_owned() }
}

pub(in crate::config) fn help_with_unknown(name: &str, names: &[&'static str]) -> String {
    let likeness = |known: &&'static str| (strsim::normalized_damerau_levenshtein(name, known) * 1000.0).round();
    let best = names.iter().copied().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    match best.filter(|best| likeness(best) >= 600.0) {
        Some(best) => format!("did you mean `{best}`?"),
        None => format!("known keys: {}", names.join(", ")),
    }
}

/// Declares a section. A field is `key: required Type`, `key: optional Type`, `key: non_empty Type` (optional, but never
/// without a value) or `key: Type = "default as YAML"`; the functions of `value` write a default that another module
/// defines.
macro_rules! section {
    ($(#[doc = $doc:literal])* struct $name:ident {
        $($(#[doc = $field_doc:literal])* $field:ident: $($word:ident)+ $(= $default:expr)?,)*
    }) => {
        $(#[doc = $doc])*
        pub(in crate::config) struct $name {
            $($(#[doc = $field_doc])* pub(in crate::config) $field: section!(@type $($word)+),)*
        }

        impl $crate::config::value::Value for $name {
            fn value_type() -> $crate::config::outline::ValueType {
                use $crate::config::outline::{Field, ValueType, Outline, prose};
                ValueType::Section(Outline {
                    fields: vec![$(Field {
                        name: stringify!($field),
                        doc: prose(&[$($field_doc),*]),
                        presence: section!(@presence $($word)+ $(= $default)?),
                        value_type: <section!(@value $($word)+) as $crate::config::value::Value>::value_type(),
                    }),*],
                })
            }

            fn read(
                node: &$crate::config::document::Node,
                location: &$crate::config::diagnostic::Location,
                reader: &mut $crate::config::reader::Reader<'_>,
            ) -> Option<Self> {
                let names = [$(stringify!($field)),*];
                let entries = $crate::config::value::section_entries(node, location, reader)?;
                let mut entries = $crate::config::section::Entries::new(entries, location, &names, reader);
                Some(Self {
                    $($field: section!(@read entries, reader, $field, $($word)+ $(= $default)?),)*
                })
            }
        }
    };
    (@type required $t:ident) => { $crate::config::reader::Setting<$t> };
    (@type optional $t:ident) => { $crate::config::reader::Setting<$t> };
    (@type non_empty $t:ident) => { $crate::config::reader::Setting<$t> };
    (@type $t:ident) => { $crate::config::reader::Spanned<$t> };
    (@value required $t:ident) => { $t };
    (@value optional $t:ident) => { $t };
    (@value non_empty $t:ident) => { $t };
    (@value $t:ident) => { $t };
    (@presence required $t:ident) => { $crate::config::outline::Presence::Required };
    (@presence optional $t:ident) => { $crate::config::outline::Presence::Optional };
    (@presence non_empty $t:ident) => { $crate::config::outline::Presence::Filled };
    (@presence $t:ident = $default:expr) => { $crate::config::outline::Presence::Default(String::from($default)) };
    (@read $entries:ident, $reader:ident, $field:ident, required $t:ident) => {
        $entries.required(stringify!($field), $reader)
    };
    (@read $entries:ident, $reader:ident, $field:ident, optional $t:ident) => {
        $entries.optional(stringify!($field), $reader)
    };
    (@read $entries:ident, $reader:ident, $field:ident, non_empty $t:ident) => {
        $entries.non_empty(stringify!($field), $reader)
    };
    (@read $entries:ident, $reader:ident, $field:ident, $t:ident = $default:expr) => {
        $entries.defaulted(stringify!($field), &String::from($default), $reader)
    };
}
pub(super) use section;
