//! `Accept-Language` (RFC 9110 section 12.5.4): the language of the pages that a person sees.

use super::HeaderLines;
use super::accept::ranges;

/// A language of Gatepost's pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// English, also for clients that accept none of these languages.
    #[default]
    English,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 4] = [Self::English, Self::German, Self::French, Self::Spanish];

    /// The language tag (RFC 5646).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
        }
    }

    /// The language that the client prefers. A range matches as in the lookup of RFC 4647 section 3.4: `de-AT` finds German. Of
    /// languages with the same weight the first in the list is taken.
    #[must_use]
    pub fn of(headers: &HeaderLines) -> Self {
        let ranges: Vec<(String, u16)> = ranges(headers, "accept-language").take(MOST_RANGES).collect();
        let preferred = Self::ALL.into_iter().filter_map(|language| Some((language, language.preference(&ranges)?)));
        let best = preferred.reduce(|best, next| if next.1.comes_before(best.1) { next } else { best });
        best.map_or_else(Self::default, |(language, _)| language)
    }

    /// How the client prefers this language; `None` if it does not accept it.
    fn preference(self, ranges: &[(String, u16)]) -> Option<Preference> {
        let named = |range: &str| range.split('-').next() == Some(self.tag());
        // The language by its own tag is refused, whatever the list says of a region.
        if ranges.iter().any(|(range, weight)| range == self.tag() && *weight == 0) {
            return None;
        }
        let places =
            || ranges.iter().enumerate().map(|(place, (range, weight))| (range, Preference { weight: *weight, place }));
        let of = |fits: &dyn Fn(&str) -> bool| {
            let fitting = places().filter(|(range, _)| fits(range)).map(|(_, preference)| preference);
            fitting.reduce(|best, next| if next.comes_before(best) { next } else { best })
        };
        of(&named).or_else(|| of(&|range| range == "*")).filter(|preference| preference.weight > 0)
    }
}

/// As many ranges of a list are read; browsers send one for each language of their user.
const MOST_RANGES: usize = 64;

/// The weight of a range in thousandths, and its position in the list.
#[derive(Clone, Copy)]
struct Preference {
    weight: u16,
    place: usize,
}

impl Preference {
    const fn comes_before(self, other: Self) -> bool {
        self.weight > other.weight || (self.weight == other.weight && self.place < other.place)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::http::CookieForm;

    fn of(lines: &[&str]) -> Language {
        Language::of(&HeaderLines::new(
            lines.iter().map(|line| ("accept-language", line.as_bytes())),
            CookieForm::Lines,
        ))
    }

    #[test]
    fn the_language_with_the_highest_weight_is_taken() {
        use Language::{English, French, German, Spanish};
        for (line, expected) in [
            ("", English),
            ("de", German),
            ("DE-at", German),
            ("de-Latn-AT;q=0.1", German),
            ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", French),
            ("de-AT;q=0.5, en;q=0.8", English),
            ("de-AT, de;q=0.9, en;q=0.95", German),
            ("it, es;q=0.5", Spanish),
            ("it, pl", English),
            ("*", English),
            ("*, en;q=0.5", German),
            ("en;q=0, *", German),
            ("de;q=0, *", English),
            ("de-AT, de;q=0", English),
            ("de-AT;q=0, de", German),
            ("en;q=0", English),
            ("es, de", Spanish),
            ("es;q=0.5, de;q=0.5", Spanish),
            ("de;q=x, fr;q=0.1", French),
            ("den, deutsch, esx", English),
            ("de ; Q=0.4 , fr ;q=0.3", German),
        ] {
            assert_eq!(of(&[line]), expected, "{line}");
        }
        assert_eq!(of(&[]), English);
        assert_eq!(of(&["en;q=0.1", "es"]), Spanish, "a list may stand in several lines");
    }

    /// A list of ranges as a client may write it.
    fn lists() -> impl Strategy<Value = Vec<(String, u16)>> {
        let tag = prop::sample::select(vec!["en", "de", "fr", "es", "it", "*", "de-AT", "EN-gb", "fr-CH", "es-419"]);
        prop::collection::vec((tag.prop_map(str::to_owned), 0..=10_u16), 0..8)
    }

    /// The languages by position, weight and specificity: every range in order, one after the other.
    fn expected(list: &[(String, u16)]) -> Language {
        let mut best = None;
        for language in Language::ALL {
            let mut of_tag = Vec::new();
            let mut of_any = Vec::new();
            let mut refused = false;
            for (place, (range, weight)) in list.iter().enumerate() {
                let range = range.to_lowercase();
                if range == language.tag() && *weight == 0 {
                    refused = true;
                } else if range == "*" {
                    of_any.push((*weight, usize::MAX - place));
                } else if range == language.tag() || range.starts_with(&format!("{}-", language.tag())) {
                    of_tag.push((*weight, usize::MAX - place));
                }
            }
            let most = if of_tag.is_empty() { of_any } else { of_tag }.into_iter().max();
            let most = most.filter(|(weight, _)| *weight > 0 && !refused);
            if most.is_some() && best.is_none_or(|(known, _)| most > known) {
                best = Some((most, language));
            }
        }
        best.map_or(Language::English, |(_, language)| language)
    }

    proptest! {
        #[test]
        fn the_choice_is_that_of_the_standard(list in lists()) {
            let line = list.iter().map(|(range, weight)| format!("{range};q={}.{}", weight / 10, weight % 10));
            let line = line.collect::<Vec<_>>().join(", ");
            prop_assert_eq!(of(&[&line]), expected(&list), "{}", line);
        }

        #[test]
        fn any_header_has_a_language(line in "\\PC*") {
            let _ = of(&[&line]);
        }
    }
}
