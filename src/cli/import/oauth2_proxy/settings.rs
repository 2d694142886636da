//! The settings of oauth2-proxy, from all of its sources under the names of its configuration file. Each is taken once; what is left in
//! the end is not known here.

use std::collections::BTreeMap;

use crate::cli::import::report::Place;

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    One(String),
    List(Vec<String>),
    /// A table, or a list of other things than texts.
    Other,
}

/// A setting and its place.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) place: Place,
    value: Given,
}

/// All settings that were not taken yet.
#[derive(Debug, Default)]
pub(super) struct Settings(BTreeMap<String, Setting>);

impl Settings {
    /// Adds a setting; a later source takes precedence. An empty one counts as absent: oauth2-proxy does not read an empty variable,
    /// and the earlier value, which may restrict something, stays.
    pub(super) fn add(&mut self, name: &str, place: Place, value: Given) {
        let is_empty = match &value {
            Given::One(text) => text.is_empty(),
            Given::List(list) => list.is_empty(),
            Given::Other => false,
        };
        if !is_empty {
            self.0.insert(name.to_owned(), Setting { place, value });
        }
    }

    /// The text of a setting that is taken later.
    pub(super) fn peek(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Setting::text)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Setting> {
        self.0.remove(name)
    }

    /// A setting that is true or false. Anything but `false` counts as true: it could restrict something.
    pub(super) fn take_true(&mut self, name: &str) -> Option<Setting> {
        self.take(name).filter(|setting| !setting.is_false())
    }

    /// A setting that opens something where it is true: anything but a clear yes counts as false.
    pub(super) fn take_permission(&mut self, name: &str) -> Option<Setting> {
        self.take(name).filter(Setting::is_true)
    }

    /// Whether a setting has its default `true`, or is true.
    pub(super) fn is_on_by_default(&mut self, name: &str) -> bool {
        self.take(name).is_none_or(|setting| !setting.is_false())
    }

    pub(super) fn rest(self) -> impl Iterator<Item = (String, Setting)> {
        self.0.into_iter()
    }
}

impl Setting {
    /// A single text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Given::One(text) => Some(text),
            Given::List(list) => {
                if let [text] = &list[..] {
                    Some(text)
                } else {
                    None
                }
            }
            Given::Other => None,
        }
    }

    /// A list; a single text is one with commas.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        match &self.value {
            Given::One(text) => Some(text.split(',').map(str::trim).filter(|text| !text.is_empty()).collect()),
            Given::List(list) => Some(list.iter().map(String::as_str).collect()),
            Given::Other => None,
        }
    }

    fn is_true(&self) -> bool {
        matches!(&self.value, Given::One(text) if matches!(text.as_str(), "true" | "True" | "TRUE" | "1" | "t" | "T"))
    }

    pub(super) fn is_false(&self) -> bool {
        matches!(&self.value, Given::One(text) if matches!(text.as_str(), "false" | "False" | "FALSE" | "0" | "f" | "F"))
    }
}
