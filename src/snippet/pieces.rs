//! Cutting pieces out of the shipped files, so that what is printed is what the tests start, and putting text together.

/// What stands before `from`, from there up to `to`, and from `to` on. `from` and `to` are lines of a file of ours.
pub(super) fn parts<'a>(text: &'a str, from: &str, to: &str) -> (&'a str, &'a str, &'a str) {
    let start = text.find(from).unwrap_or(text.len());
    let (before, rest) = text.split_at(start);
    let end = rest.find(to).unwrap_or(rest.len());
    let (piece, after) = rest.split_at(end);
    (before, piece, after)
}

/// The text with what stands from `from` up to `to` replaced.
pub(super) fn with(text: &str, from: &str, to: &str, by: &str) -> String {
    let (before, _, after) = parts(text, from, to);
    [before, by, after].concat()
}

/// A piece of text for each.
pub(super) fn each<T>(items: impl IntoIterator<Item = T>, piece: impl FnMut(T) -> String) -> String {
    items.into_iter().map(piece).collect()
}

/// In alphabetical order, each once.
pub(super) fn distinct<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort_unstable();
    items.dedup();
    items
}
