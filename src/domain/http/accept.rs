//! `Accept` (RFC 9110 section 12.5.1): whether a client prefers HTML, or JSON to HTML.

use super::HeaderLines;

/// The client's preference for HTML, one of the two formats in which Gatepost answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Html {
    /// The client names HTML, and prefers it to JSON.
    Asked,
    /// The client accepts any type and prefers none; it names neither HTML nor JSON.
    Taken,
    /// The client prefers another type, or states no preference.
    NotAsked,
}

impl Html {
    /// Parses every `accept` line.
    pub(super) fn of(headers: &HeaderLines) -> Self {
        let html = weight_of(headers, is_html).or_else(|| weight_of(headers, |range| range == "text/*"));
        let json = weight_of(headers, is_json);
        match (html, json) {
            (Some(html), _) if html.weight == 0 => Self::NotAsked,
            (Some(html), Some(json)) if json.comes_before(html) => Self::NotAsked,
            (Some(_), _) => Self::Asked,
            (None, Some(_)) => Self::NotAsked,
            (None, None) => Self::of_anything(headers),
        }
    }

    /// The result for a client that names neither: `Taken` if it accepts any type and prefers none.
    fn of_anything(headers: &HeaderLines) -> Self {
        let anything = weight_of(headers, |range| range == "*/*").map_or(0, |anything| anything.weight);
        let most = ranges(headers, "accept").map(|(_, weight)| weight).max().unwrap_or(0);
        if anything > 0 && anything == most { Self::Taken } else { Self::NotAsked }
    }
}

/// A media range, by its weight in thousandths and its position in the list.
#[derive(Clone, Copy)]
struct Preferred {
    weight: u16,
    place: usize,
}

impl Preferred {
    /// Whether this range is preferred to the other; of equal weights, the first one wins.
    fn comes_before(self, other: Self) -> bool {
        self.weight > other.weight || (self.weight == other.weight && self.place < other.place)
    }
}

fn is_html(range: &str) -> bool {
    matches!(range, "text/html" | "application/xhtml+xml")
}

fn is_json(range: &str) -> bool {
    range == "application/json" || range.ends_with("+json")
}

/// The most preferred of the ranges that `fits` selects.
fn weight_of(headers: &HeaderLines, fits: impl Fn(&str) -> bool) -> Option<Preferred> {
    let found = ranges(headers, "accept").enumerate().filter(|(_, (range, _))| fits(range));
    let wanted = found.map(|(place, (_, weight))| Preferred { weight, place });
    wanted.reduce(|one, other| if other.comes_before(one) { other } else { one })
}

/// Every range of a header that lists preferences (RFC 9110 section 12.4), in lower case, with its weight in thousandths. A range
/// whose weight cannot be parsed is ignored.
pub(super) fn ranges<'a>(
    headers: &'a HeaderLines,
    name: &'static str,
) -> impl Iterator<Item = (String, u16)> + use<'a> {
    let lines = headers.all(name).filter_map(|line| std::str::from_utf8(line).ok());
    lines.flat_map(|line| line.split(',')).filter_map(|element| {
        let mut parts = element.split(';');
        let range = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let weight = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
        });
        (!range.is_empty()).then_some((range, weight.map_or(Some(1000), thousandths)?))
    })
}

/// A weight (RFC 9110 section 12.4.2) in thousandths; digits after the three that are allowed are ignored.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut digits = fraction.bytes().map(|byte| u16::from(byte - b'0')).chain(std::iter::repeat(0));
    match whole {
        "0" => Some((0..3).fold(0, |sum, _| sum * 10 + digits.next().unwrap_or(0))),
        "1" => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::http::CookieForm;

    fn of(lines: &[&str]) -> Html {
        Html::of(&HeaderLines::new(lines.iter().map(|line| ("accept", line.as_bytes())), CookieForm::Lines))
    }

    #[test]
    fn browsers_ask_for_html() {
        for line in [
            "text/html",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            "application/xhtml+xml",
            "TEXT/HTML ; Q=0.1",
            "text/html;level=1;q=0.4",
            "text/*",
            "text/html, application/json",
            "application/json;q=0.9, text/html",
            "application/json;q=0, text/html;q=0.001",
            "text/html;q=0.1, text/html",
            "*/*, text/html;q=0.5",
        ] {
            assert_eq!(of(&[line]), Html::Asked, "{line}");
        }
        assert_eq!(of(&["application/xml", "text/html"]), Html::Asked, "a list may stand in several lines");
    }

    #[test]
    fn programs_do_not() {
        for line in [
            "",
            "application/json",
            "application/json, text/html",
            "application/json, text/html;q=0.9, */*",
            "application/json, text/plain, */*",
            "application/vnd.api+json, */*",
            "text/html;q=0",
            "text/html;q=0, */*",
            "text/html;q=0.000",
            "text/html;q=x",
            "text/html;q=-1",
            "text/htmlx",
            "text/plain",
            "image/avif,image/webp,image/*;q=0.8,*/*;q=0.5",
            "text/css,*/*;q=0.1",
            "*/*;q=0",
            "no text/html",
        ] {
            assert_eq!(of(&[line]), Html::NotAsked, "{line}");
        }
        assert_eq!(of(&[]), Html::NotAsked);
    }

    #[test]
    fn who_takes_anything_names_neither() {
        for line in ["*/*", "*/*;q=0.8", "image/gif, image/jpeg, application/x-ms-application, */*", " */* , "] {
            assert_eq!(of(&[line]), Html::Taken, "{line}");
        }
    }

    #[test]
    fn weights_are_read_as_the_grammar_has_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1", Some(1000)),
            ("0.5", Some(500)),
            ("0.05", Some(50)),
            ("0.", Some(0)),
            ("1.000", Some(1000)),
            ("0.33333333333333", Some(333)),
            ("", None),
            (".5", None),
            ("2", None),
            ("0.5x", None),
            ("0,5", None),
            ("NaN", None),
        ] {
            assert_eq!(thousandths(text), expected, "{text}");
        }
    }
}
