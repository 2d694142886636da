//! Cuts pieces out of the shipped files, so that the printed text is what the tests run, and joins text. The files are cut
//! at compile time: a missing marker fails the build.

/// A constant text, cut into three parts.
#[derive(Clone, Copy)]
pub(super) struct Excerpt {
    pub(super) before: &'static str,
    pub(super) piece: &'static str,
    pub(super) after: &'static str,
}

/// The text before `from`, from there up to `to`, and from `to` on. For constants only.
pub(super) const fn excerpt(text: &'static str, from: &str, to: &str) -> Excerpt {
    let (before, rest) = text.split_at(position(text, from));
    let (piece, after) = rest.split_at(position(rest, to));
    Excerpt { before, piece, after }
}

/// Asserts that the marker occurs in `text`, and returns it. For constants only.
pub(super) const fn marked(text: &str, marker: &'static str) -> &'static str {
    position(text, marker);
    marker
}

#[expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it is evaluated while Gatepost is built, and fails the build"
)]
const fn position(text: &str, marker: &str) -> usize {
    let (text, marker) = (text.as_bytes(), marker.as_bytes());
    let mut at = 0;
    while at + marker.len() <= text.len() {
        let mut same = 0;
        while same < marker.len() && text[at + same] == marker[same] {
            same += 1;
        }
        if same == marker.len() {
            return at;
        }
        at += 1;
    }
    panic!("a shipped file lacks a marker by which a snippet is cut out of it")
}

/// The text with each marker replaced; each marker has to occur in the constant text.
macro_rules! filled {
    ($text:expr, in $constant:expr, $($marker:literal => $by:expr,)+) => {{
        let mut text: String = $text.to_string();
        $(text = text.replace(const { $crate::cli::snippet::template::marked($constant, $marker) }, $by);)+
        text
    }};
}
pub(super) use filled;

/// The concatenation of a text for each item.
pub(super) fn each<T>(items: impl IntoIterator<Item = T>, piece: impl FnMut(T) -> String) -> String {
    items.into_iter().map(piece).collect()
}

/// The items in order, each once.
pub(super) fn distinct<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort_unstable();
    items.dedup();
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "one two three two one";

    #[test]
    fn a_text_is_cut_at_the_first_marker_and_at_the_next_one_behind_it() {
        for (from, to, expected) in [
            ("two", "one", ("one ", "two three two ", "one")),
            ("two", "two", ("one ", "", "two three two one")),
            ("one", "three", ("", "one two ", "three two one")),
        ] {
            let Excerpt { before, piece, after } = excerpt(TEXT, from, to);
            assert_eq!((before, piece, after), expected, "{from} {to}");
        }
        assert_eq!(filled!(TEXT, in TEXT, "two" => "2", "three" => "3",), "one 2 3 2 one");
    }

    /// In a constant, this panic fails the build.
    #[test]
    #[should_panic(expected = "lacks a marker")]
    fn a_missing_marker_is_a_fault() {
        excerpt(TEXT, "two", "four");
    }

    #[test]
    #[should_panic(expected = "lacks a marker")]
    fn a_marker_that_stands_only_before_the_piece_is_missing() {
        excerpt(TEXT, "three", "three two one ");
    }
}
