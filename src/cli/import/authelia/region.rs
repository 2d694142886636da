//! The paths that a rule of Authelia is about (`resources`), as regions: a path and everything below it, which is what rules of Gatepost
//! know. Authelia compares the decoded path and the query.

/// A path without a final slash, so empty for everything; it stands for itself and everything below.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Region(String);

/// The requests that an expression matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// All of these match.
    pub(super) inner: Option<Region>,
    /// None but these match.
    pub(super) outer: Region,
}

impl Region {
    pub(super) const fn everything() -> Self {
        Self(String::new())
    }

    /// Whether the other one lies in this one.
    pub(super) fn holds(&self, other: &Self) -> bool {
        // Gatepost protects every spelling of a path in any case.
        let (outer, inner) = (self.0.to_ascii_lowercase(), other.0.to_ascii_lowercase());
        inner.strip_prefix(&outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether the other one lies in this one, in the same spelling, for which alone a rule allows.
    pub(super) fn covers(&self, other: &Self) -> bool {
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub(super) fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// The path, as rules have it.
    pub(super) fn path(&self) -> &str {
        &self.0
    }

    /// The smallest region that holds every path that begins with `begin`.
    fn around(begin: &str) -> Self {
        let end = begin.rfind('/').unwrap_or_default();
        Self(begin.get(..end).unwrap_or_default().to_owned())
    }
}

impl Extent {
    /// All requests.
    pub(super) const fn everything() -> Self {
        Self { inner: Some(Region::everything()), outer: Region::everything() }
    }

    pub(super) fn of(pattern: &str) -> Self {
        let unknown = Self { inner: None, outer: Region::everything() };
        let Some(rest) = pattern.strip_prefix('^') else { return unknown };
        // An alternative could begin anywhere.
        if has_alternatives(rest) {
            return unknown;
        }
        let (begin, tail) = literal(rest);
        // `x*` and `x?` may be without `x`.
        if tail.starts_with(['*', '?', '{']) || !is_canonical(&begin) {
            return unknown;
        }
        match (begin.trim_end_matches('/'), begin.ends_with('/'), tail) {
            ("", true, "" | ".*" | ".*$") => Self::everything(),
            // `/api` itself, what is below it, and both with any query.
            (path, false, "([/?].*)?$" | "([/?]|$)" | "(/|\\?|$)" | "(/.*|\\?.*)?$") => {
                let region = Region(path.to_owned());
                Self { inner: Some(region.clone()), outer: region }
            }
            // Also `/apix`.
            (path, false, "" | ".*" | ".*$") => {
                Self { inner: Some(Region(path.to_owned())), outer: Region::around(&begin) }
            }
            // Not `/api` itself, or not with every query.
            (path, false, "$" | "(/.*)?$") | (path, true, _) => Self { inner: None, outer: Region(path.to_owned()) },
            (_, false, _) => Self { inner: None, outer: Region::around(&begin) },
        }
    }
}

/// The literal text at the beginning, and the rest.
fn literal(pattern: &str) -> (String, &str) {
    let (mut text, mut rest) = (String::new(), pattern);
    loop {
        let mut signs = rest.chars();
        let next = match signs.next() {
            Some(sign) if sign.is_ascii_alphanumeric() || matches!(sign, '/' | '-' | '_') => Some(sign),
            Some('\\') => signs.next().filter(|escaped| matches!(escaped, '/' | '-' | '_' | '.')),
            Some(_) | None => None,
        };
        let Some(sign) = next else { return (text, rest) };
        text.push(sign);
        rest = signs.as_str();
    }
}

/// Whether `|` stands, or could stand, outside of all groups.
fn has_alternatives(pattern: &str) -> bool {
    // A parenthesis in a class or in a quotation is no group.
    if pattern.contains('|') && (pattern.contains('[') || pattern.contains(r"\Q")) {
        return true;
    }
    let mut depth = 0_usize;
    let mut signs = pattern.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => _ = signs.next(),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

fn is_canonical(path: &str) -> bool {
    path.starts_with('/') && !path.contains("//") && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extent_never_claims_more_inside_or_less_outside_than_the_expression_matches() {
        for (pattern, inner, outer) in [
            ("^/api([/?].*)?$", Some("/api"), "/api"),
            ("^/api", Some("/api"), ""),
            ("^/api.*$", Some("/api"), ""),
            ("^/v1/api.*", Some("/v1/api"), "/v1"),
            ("^/api/", None, "/api"),
            ("^/api/.*$", None, "/api"),
            ("^/api/users/[a-z]+$", None, "/api/users"),
            ("^/api$", None, "/api"),
            ("^/api(/.*)?$", None, "/api"),
            ("^/api?", None, ""),
            ("^/a*", None, ""),
            ("^/api/(a|b)", None, "/api"),
            ("^/api|^/x", None, ""),
            ("/api", None, ""),
            ("^/", Some(""), ""),
            ("^/.*$", Some(""), ""),
            ("^", None, ""),
            ("^.*", None, ""),
            (r"^/a\.b([/?].*)?$", Some("/a.b"), "/a.b"),
            (r"^/a\d", None, ""),
            ("^/a//b", None, ""),
            ("^(/api)", None, ""),
        ] {
            let extent = Extent::of(pattern);
            let found = (extent.inner.as_ref().map(Region::path), extent.outer.path());
            assert_eq!(found, (inner, outer), "{pattern}");
        }
    }
}
