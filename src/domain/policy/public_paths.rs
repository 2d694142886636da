//! Public paths: paths that need no sign-in. A pattern is searched for, not matched in full, as in authentik; but it
//! has to match the path as sent, decoded, and canonical.

use std::net::IpAddr;

use regex::Regex;
use regex_syntax::hir::Look;
use thiserror::Error;

use crate::domain::http::{Authority, ClientKind, Networks, RequestTarget, Scheme};

/// Patterns of paths (in domain mode: of URLs without query) that need no sign-in.
#[derive(Clone, Debug, Default)]
pub struct PublicPaths {
    patterns: Vec<Regex>,
}

/// The text in which patterns are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternSubject {
    /// The path.
    Path,
    /// Scheme, authority and path.
    Url,
}

/// A pattern that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct PatternFault {
    /// The index in the list.
    pub index: usize,
    /// What is wrong with it.
    pub cause: PatternFaultCause,
}

/// Why a pattern cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PatternFaultCause {
    /// The message of the regular-expression compiler.
    #[error("{0}")]
    Syntax(String),
    /// Every path contains the empty text, so a `|` at an end, `x*` or a lone `^` would make every path public.
    #[error("it matches the empty text, and so every path")]
    MatchesEmptyText,
}

/// Proof that the operator declared a request public: by its path, its kind, or the network of its client.
#[derive(Debug)]
pub struct PublicPath(());

impl PublicPath {
    /// A CORS preflight, if the operator allows preflights. It carries no credentials by design.
    #[must_use]
    pub fn preflight(pass_preflight: bool, kind: ClientKind) -> Option<Self> {
        (pass_preflight && kind == ClientKind::Preflight).then_some(Self(()))
    }

    /// A client in one of the networks whose clients need no sign-in. `client` is the address that the front proxy vouches for.
    #[must_use]
    pub fn network(skip_networks: &Networks, client: Option<IpAddr>) -> Option<Self> {
        skip_networks.contain(client).then_some(Self(()))
    }
}

impl PublicPaths {
    /// Compiles patterns in the syntax of the crate `regex`, which RE2 patterns share.
    ///
    /// # Errors
    /// Every pattern that does not compile, or that matches the empty text.
    pub fn compile(patterns: &[String]) -> Result<Self, Vec<PatternFault>> {
        let mut faults = Vec::new();
        let mut compiled = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            match Regex::new(pattern) {
                Ok(regex) if regex.is_match("") || pattern.trim().is_empty() => {
                    faults.push(PatternFault { index, cause: PatternFaultCause::MatchesEmptyText });
                }
                Ok(regex) => compiled.push(regex),
                Err(fault) => {
                    faults.push(PatternFault { index, cause: PatternFaultCause::Syntax(fault.to_string()) });
                }
            }
        }
        if faults.is_empty() { Ok(Self { patterns: compiled }) } else { Err(faults) }
    }

    /// Patterns of which an alternative is not anchored at the beginning, and so may make more public than intended:
    /// `^/a|/b` opens `/x/b`, too.
    pub fn unanchored(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(Regex::as_str).filter(|pattern| !is_anchored(pattern))
    }

    /// Whether the operator declared this request public. The query, the fragment, and any spelling that front proxy
    /// and application could read differently have no influence.
    #[must_use]
    pub fn admit(
        &self,
        subject: impl Into<PatternSubject>,
        scheme: Scheme,
        authority: &Authority,
        target: &RequestTarget,
    ) -> Option<PublicPath> {
        if self.patterns.is_empty() || !target.may_be_public() {
            return None;
        }
        let subject = subject.into();
        let is_matched = |path: &str| self.first_match(subject, scheme, authority, path).is_some();
        target.spellings().all(is_matched).then_some(PublicPath(()))
    }

    /// Whether a pattern matches a spelling of a path with a flaw: then the decision depends on how the application
    /// reads it.
    #[must_use]
    pub fn may_match(
        &self,
        subject: impl Into<PatternSubject>,
        scheme: Scheme,
        authority: &Authority,
        target: &RequestTarget,
    ) -> bool {
        let subject = subject.into();
        let is_matched = |path: &str| self.first_match(subject, scheme, authority, path).is_some();
        target.spellings().any(is_matched)
    }

    /// The first pattern that matches one spelling of a path.
    #[must_use]
    pub fn first_match(
        &self,
        subject: impl Into<PatternSubject>,
        scheme: Scheme,
        authority: &Authority,
        path: &str,
    ) -> Option<&str> {
        let url;
        let text = match subject.into() {
            PatternSubject::Path => path,
            PatternSubject::Url => {
                url = format!("{}://{}{path}", scheme.as_str(), authority.to_text(scheme));
                &url
            }
        };
        self.patterns.iter().find(|pattern| pattern.is_match(text)).map(Regex::as_str)
    }

    /// Whether there are no patterns, so that no path is public.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
}

/// Whether every match of a pattern begins at the beginning of the text. `(?m)^` does not: it matches after each line break.
fn is_anchored(pattern: &str) -> bool {
    regex_syntax::parse(pattern).is_ok_and(|hir| hir.properties().look_set_prefix().contains(Look::Start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::application::Mode;
    use crate::domain::http::CookieDomain;

    fn admits(pattern: &str, mode: &Mode, raw: &str) -> bool {
        let rules = PublicPaths::compile(&[pattern.to_owned()]).expect("compiles");
        let authority = Authority::parse("app.example.com").expect("is a host");
        RequestTarget::parse(raw.to_owned())
            .is_ok_and(|target| rules.admit(mode, Scheme::Https, &authority, &target).is_some())
    }

    #[test]
    fn rs_a_a_public_prefix() {
        let public = ["/public/a", "/public/a?x=/../admin", "/public/x;y=1/a", "/public//a", "/public/%c3%a9"];
        let protected = [
            "/public",
            "/publicity",
            "/PUBLIC/a",
            "/%70ublic/a",
            "//public/a",
            "/public;x/a",
            "/public/a%23x",
            "/public/100%25",
            "/public/%252e%252e/admin",
            "/x?u=/public/a",
            "/public/../admin",
            "/public/..;x/admin",
            "/public/%2fadmin",
            "/public/..\\admin",
            "/public/a%00",
            "/public/%zz",
            "/public/a#x",
        ];
        for raw in public {
            assert!(admits("^/public/", &Mode::ForwardSingle, raw), "{raw}");
        }
        for raw in protected {
            assert!(!admits("^/public/", &Mode::ForwardSingle, raw), "{raw}");
        }
    }

    #[test]
    fn rs_b_a_public_pattern() {
        assert!(admits("^/foo/.*/bar$", &Mode::ForwardSingle, "/foo/x/bar"));
        for raw in [
            "/foo/secret?x=/bar",
            "/foo/secret%23/bar",
            "/foo/secret%3f/bar",
            "/foo/a/bar/",
            "/foo/a/barx",
            "/x/foo/a/bar",
            "/foo/secret#/bar",
            "/foo/a/bar%0a",
        ] {
            assert!(!admits("^/foo/.*/bar$", &Mode::ForwardSingle, raw), "{raw}");
        }
    }

    #[test]
    fn a_38_in_domain_mode_the_pattern_sees_the_url_without_query() {
        let mode = Mode::ForwardDomain(CookieDomain::parse("example.com").expect("is a domain"));
        assert!(admits("^https://app\\.example\\.com/public/", &mode, "/public/a"));
        assert!(!admits("^https://app\\.example\\.com/public/", &mode, "/x/public/a"));
        assert!(!admits("https://public\\.example\\.com/", &mode, "/p?x=https://public.example.com/"));
        assert!(!admits("^/public/", &mode, "/public/a"));
    }

    #[test]
    fn a_37_every_broken_pattern_is_named() {
        let patterns = ["^/ok$".to_owned(), "(".to_owned(), "  ".to_owned(), "[z-a]".to_owned()];
        let faults = PublicPaths::compile(&patterns).expect_err("three are broken");
        assert_eq!(faults.iter().map(|fault| fault.index).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn a_pattern_with_an_alternative_that_matches_anywhere_is_named() {
        let anchored = [
            "^/a",
            r"\A/a",
            "^/a|^/b",
            "(^/a|^/b)x",
            "^(/public/|/health$)",
            "(?i)^/a",
            "(?:^)/a",
            "^+/a",
            "^^/a",
            "^/a$|^/b$",
        ];
        let unanchored = [
            "/b",
            "^/public/|/health",
            "/health|^/public/",
            "(^/a|/b)",
            "(^)?/a",
            "^*/a",
            "^?/a",
            "(^|/)a",
            "(?m)^/a",
            r"\b^?/a",
            "(?:^/a|b)c",
            "^/a|(^/b|/c)",
            "x{0}^?/a",
            r"\^/a",
            "[^/]a",
            "^/a|^?/b",
            "/a^",
        ];
        for pattern in anchored {
            let rules = PublicPaths::compile(&[pattern.to_owned()]).expect("compiles");
            assert_eq!(rules.unanchored().count(), 0, "{pattern}");
        }
        for pattern in unanchored {
            let rules = PublicPaths::compile(&[pattern.to_owned()]).expect("compiles");
            assert_eq!(rules.unanchored().collect::<Vec<_>>(), [pattern]);
        }
    }

    #[test]
    fn a_pattern_that_matches_the_empty_text_is_refused() {
        for pattern in
            ["", " ", "|", "^/a|", "|^/a", "()", "x*", "^", "$", "^$", ".*", "(?i)", "^/?", "^.*", r"\A", "(?m)^"]
        {
            let faults = PublicPaths::compile(&["^/ok".to_owned(), pattern.to_owned()]).expect_err(pattern);
            assert_eq!(faults, [PatternFault { index: 1, cause: PatternFaultCause::MatchesEmptyText }], "{pattern:?}");
        }
        assert!(admits("^/", &Mode::ForwardSingle, "/every/path"), "the way to make every path public");
    }
}
