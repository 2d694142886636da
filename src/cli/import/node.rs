//! Values of YAML files with their places. What has another form than expected is `None`, and never counts as absent.

use std::sync::Arc;

use super::report::Place;
use crate::config::document::{Content, Key, Node};

/// A value and its place.
#[derive(Clone)]
pub(super) struct Placed<'n> {
    pub(super) place: Place,
    node: &'n Node,
}

impl<'n> Placed<'n> {
    /// The root of a document.
    pub(super) fn root(file: &Arc<str>, node: &'n Node) -> Self {
        Self { place: Place { line: node.at.line, ..Place::of_file(file) }, node }
    }

    pub(super) fn is_null(&self) -> bool {
        self.node.is_null()
    }

    /// The keys and values of a section, in file order; of nothing, none. `None` if it is no section, or a key is no text or occurs
    /// twice.
    pub(super) fn entries(&self) -> Option<Vec<(&'n str, Self)>> {
        if self.is_null() {
            return Some(Vec::new());
        }
        let Content::Section(entries) = &self.node.content else { return None };
        let mut list: Vec<(&str, Self)> = Vec::new();
        for (Key { at, text }, node) in entries {
            let key = text.as_deref()?;
            if list.iter().any(|(known, _)| *known == key) {
                return None;
            }
            let path = if self.place.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place.key) };
            list.push((key, Self { place: Place { line: at.line, key: path, ..self.place.clone() }, node }));
        }
        Some(list)
    }

    /// The value of a key; `None` if there is none, or this is no section.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let found = self.entries()?.into_iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        let Content::List(items) = &self.node.content else { return None };
        let item = |(index, node): (usize, &'n Node)| {
            let key = format!("{}[{index}]", self.place.key);
            Self { place: Place { line: node.at.line, key, ..self.place.clone() }, node }
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The items of a list, or a single value as a list of one.
    pub(super) fn one_or_more(&self) -> Vec<Self> {
        self.items().unwrap_or_else(|| vec![self.clone()])
    }

    /// A single value.
    pub(super) fn text(&self) -> Option<&'n str> {
        let Content::One { text, .. } = &self.node.content else { return None };
        Some(text)
    }

    /// A list of texts, or one text.
    pub(super) fn texts(&self) -> Option<Vec<&'n str>> {
        self.one_or_more().iter().map(Self::text).collect()
    }
}
