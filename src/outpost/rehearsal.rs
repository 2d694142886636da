//! At a sign-in: what every request of this session would carry. What does not fit is refused here, and what is left out
//! is told here, so that no request has to.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::{Outpost, Visit};
use crate::domain::application::Slug;
use crate::domain::decision::{Reason, Verdict};
use crate::domain::headers::{self, Facts};
use crate::domain::session::SessionRecord;

/// How many names are remembered as told. Claims choose them, so there could be any number.
const MOST: usize = 1000;
/// Characters of a name that are told.
const LONGEST: usize = 80;

/// Which names were told to be left out, so that each is told once.
#[derive(Default)]
pub(super) struct Told(Mutex<HashSet<(Slug, String)>>);

impl Told {
    /// Whether this is news; it is none any more. When the memory is full, nothing is.
    fn is_news(&self, application: &Slug, name: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < MOST && told.insert((application.clone(), name.to_owned()))
    }
}

impl Outpost {
    /// The refusal of a sign-in whose identity headers would not fit into a request.
    pub(super) fn rehearse(&self, visit: &Visit<'_>, record: &SessionRecord) -> Option<(Verdict, Reason)> {
        let application = visit.application;
        let rehearsal =
            self.with_facts(application, |outpost| headers::rehearse(&Facts::of_record(record, application, outpost)));
        for (name, cause) in rehearsal.dropped {
            let header: String = name.chars().take(LONGEST).collect();
            if self.told.is_news(&application.slug, &header) {
                tracing::warn!(decision_id = visit.id, application = %application.slug, header, %cause, "header left out");
            }
        }
        let over = rehearsal.fits.err()?;
        let text = "The identity provider says more about you than a request can carry. Please tell the operator the reference below.";
        let (verdict, _) = visit.failed(403, text, &over.to_string());
        Some((verdict, Reason::IdentityTooLarge))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_remembered_within_limits() {
        let (told, slug) = (Told::default(), |text| Slug::parse(text).expect("is a slug"));
        assert!(told.is_news(&slug("wiki"), "host") && told.is_news(&slug("board"), "host"));
        assert!(!told.is_news(&slug("wiki"), "host"));
        let news = (0..10 * MOST).filter(|number| told.is_news(&slug("wiki"), &number.to_string())).count();
        assert_eq!(news, MOST - 2);
    }
}
