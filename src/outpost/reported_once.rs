//! Remembers which findings were reported, so that each is reported once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::domain::slug::Slug;

/// How many findings are remembered. Claims determine them, so their number must be bounded.
const MOST: usize = 1000;

/// The reported findings: names of headers that are left out, claims that are ignored.
#[derive(Default)]
pub(super) struct ReportedOnce(Mutex<HashSet<(Slug, String)>>);

impl ReportedOnce {
    /// Whether this finding is new; records it. When the set is full, no finding counts as new.
    pub(super) fn is_news(&self, application: &Slug, text: &str) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reported.len() < MOST && reported.insert((application.clone(), text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_remembered_within_limits() {
        let (reported, slug) = (ReportedOnce::default(), |text| Slug::parse(text).expect("is a slug"));
        assert!(reported.is_news(&slug("wiki"), "host") && reported.is_news(&slug("board"), "host"));
        assert!(!reported.is_news(&slug("wiki"), "host"));
        let news = (0..10 * MOST).filter(|number| reported.is_news(&slug("wiki"), &number.to_string())).count();
        assert_eq!(news, MOST - 2);
    }
}
