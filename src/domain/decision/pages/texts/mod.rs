//! The texts of the pages, in every language.

mod french;
mod german;
mod spanish;
mod table;

use std::collections::BTreeSet;

use crate::domain::http::Language;

pub use table::Text;

impl Text {
    /// The text in a language, with its placeholders.
    #[must_use]
    pub const fn in_language(self, language: Language) -> &'static str {
        match language {
            Language::English => table::ENGLISH.get(self),
            Language::German => german::GERMAN.get(self),
            Language::French => french::FRENCH.get(self),
            Language::Spanish => spanish::SPANISH.get(self),
        }
    }

    /// The text with this key.
    #[must_use]
    pub fn with_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|text| text.key() == key)
    }
}

/// The names of the placeholders of a text.
#[must_use]
pub(super) fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).collect()
}

/// A text with values in the place of its placeholders. A value is not searched for placeholders.
pub(super) fn fill(text: &str, values: &[(&'static str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let named = after.split_once('}');
        let known = named.and_then(|(name, rest)| Some((values.iter().find(|(known, _)| *known == name)?.1, rest)));
        if let Some((value, after_value)) = known {
            filled.push_str(value);
            rest = after_value;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That each language has each text, the compiler proves.
    #[test]
    fn each_language_has_the_placeholders_of_the_english_text() {
        for text in Text::ALL.iter().copied() {
            let english = text.in_language(Language::English);
            for language in Language::ALL {
                let translated = text.in_language(language);
                assert!(!translated.trim().is_empty() && translated.trim() == translated, "{text:?} {language:?}");
                assert_eq!(placeholders(translated), placeholders(english), "{text:?} {language:?}");
                assert_eq!(translated.matches('{').count(), placeholders(english).len(), "{text:?} {language:?}");
            }
            assert_eq!(Text::with_key(text.key()), Some(text));
        }
        assert_eq!(Text::with_key("nothing"), None);
    }

    /// Titles and labels may be the same word in two languages; sentences are not.
    #[test]
    fn sentences_are_translated() {
        for text in Text::ALL.iter().copied().filter(|text| text.in_language(Language::English).ends_with('.')) {
            let all: BTreeSet<&str> = Language::ALL.into_iter().map(|language| text.in_language(language)).collect();
            assert_eq!(all.len(), Language::ALL.len(), "{text:?}");
        }
    }

    #[test]
    fn values_are_put_in_once() {
        let values: &[(&'static str, &str)] = &[("user", "{acr} {"), ("acr", "mfa")];
        assert_eq!(fill("{user}, {acr}.", values), "{acr} {, mfa.");
        assert_eq!(fill("{other} {user", values), "{other} {user");
        assert_eq!(fill("} {acr}{acr}", values), "} mfamfa");
    }
}
