//! The header with the user's name, without which most applications cannot identify a user: whether it is set, and why
//! not.

use serde_json::Value;
use thiserror::Error;

use super::plan::HeaderPlan;
use super::sets::Entry;
use super::source::{Facts, Source};

/// The headers by which applications identify a user by name.
const USERNAMES: [&str; 2] = ["x-authentik-username", "x-auth-username"];

/// A header with the user's name that is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// The header.
    pub header: &'static str,
    /// The claim that is read, or the path to it.
    pub claim: String,
    /// The problem with the claim.
    pub cause: NoName,
}

/// Why a claim is not usable as a name.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NoName {
    /// The claim is missing.
    #[error("the provider does not give the claim")]
    Absent,
    /// The value is not sent under this name.
    #[error("the claim is not a text that a header can carry")]
    Unusable,
}

impl HeaderPlan {
    /// The headers with the user's name that these facts do not set.
    pub(super) fn unnamed(&self, facts: &Facts<'_>) -> Vec<Unnamed> {
        let named = |header: &'static str| {
            self.entries.iter().find(|entry| entry.name.as_str() == header).map(|entry| (header, entry))
        };
        USERNAMES.into_iter().filter_map(named).filter_map(|(header, entry)| unnamed(header, entry, facts)).collect()
    }
}

fn unnamed(header: &'static str, entry: &Entry, facts: &Facts<'_>) -> Option<Unnamed> {
    if entry.source.value(facts).is_some() {
        return None;
    }
    let (Source::Text(path) | Source::List(path) | Source::Any(path, _)) = &entry.source else { return None };
    let cause = match path.find(facts.about.claims) {
        None | Some(Value::Null) => NoName::Absent,
        Some(_) => NoName::Unusable,
    };
    Some(Unnamed { header, claim: path.to_string(), cause })
}
