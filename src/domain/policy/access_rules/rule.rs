//! One rule: whom it means, and for which paths and methods.

use std::fmt;

use thiserror::Error;

use super::path::PathPrefix;
use super::unmet::Unmet;
use super::who::Who;
use crate::domain::http::{RequestHead, is_token};
use crate::domain::oidc::claims::Claims;

/// One rule. A request passes by one whole rule, never by parts of two (N9).
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where it counts, and keeps other rules from counting; empty for everywhere.
    pub paths: Vec<PathPrefix>,
    /// For which methods it lets requests pass; empty for all.
    pub methods: Vec<Method>,
    /// Whom it lets pass.
    pub who: Who,
}

/// A method, compared byte for byte (RFC 9110 section 9.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method(String);

/// Why a text is no method of a rule.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum MethodFault {
    /// Not an RFC 9110 token.
    #[error("it is no method")]
    NotAToken,
    /// Methods are compared byte for byte, and those in use have capitals only.
    #[error("methods are written in capital letters")]
    LowerCase,
}

impl Method {
    /// Reads a method: any token in capitals, so `QUERY` and `PROPFIND`, too.
    ///
    /// # Errors
    /// See [`MethodFault`].
    pub fn parse(text: &str) -> Result<Self, MethodFault> {
        if !is_token(text) {
            return Err(MethodFault::NotAToken);
        }
        if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(MethodFault::LowerCase);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why a rule that covers a path does not let a request pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle<'a> {
    /// The method is none of the rule's own.
    Method(&'a str, &'a [Method]),
    /// The path has other capitals, or a spelling that is not below the rule's path.
    Spelling(&'a PathPrefix),
    /// The claims do not meet a condition.
    User(Unmet),
}

impl fmt::Display for Obstacle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(asked, covered) => write!(f, "the method is {asked}, the rule is for {}", any_of(covered)),
            Self::Spelling(path) => write!(f, "the path is not written like {path}, which is compared byte for byte"),
            Self::User(unmet) => unmet.fmt(f),
        }
    }
}

impl Rule {
    /// Whether it lets a request pass that it covers by `path`, one of its own.
    pub(super) fn lets_pass(&self, path: &PathPrefix, claims: &Claims, head: &RequestHead) -> bool {
        self.is_for_method(&head.method) && path.holds(&head.target) && self.who.includes(claims)
    }

    /// Everything that keeps it from letting the request pass; nothing exactly when it does.
    pub(super) fn obstacles<'a>(
        &'a self,
        path: &'a PathPrefix,
        claims: &Claims,
        head: &'a RequestHead,
    ) -> Vec<Obstacle<'a>> {
        let mut obstacles = Vec::new();
        if !self.is_for_method(&head.method) {
            obstacles.push(Obstacle::Method(&head.method, &self.methods));
        }
        if !path.holds(&head.target) {
            obstacles.push(Obstacle::Spelling(path));
        }
        obstacles.extend(self.who.unmet(claims).into_iter().map(Obstacle::User));
        obstacles
    }

    fn is_for_method(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|Method(covered)| covered == method)
    }
}

fn any_of(methods: &[Method]) -> String {
    methods.iter().map(|Method(text)| text.as_str()).collect::<Vec<_>>().join(" or ")
}

/// As in `paths /admin, methods GET or HEAD: groups admins`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut places = Vec::new();
        if !self.paths.is_empty() {
            let paths: Vec<String> = self.paths.iter().map(ToString::to_string).collect();
            places.push(format!("paths {}", paths.join(" or ")));
        }
        if !self.methods.is_empty() {
            places.push(format!("methods {}", any_of(&self.methods)));
        }
        if places.is_empty() { write!(f, "{}", self.who) } else { write!(f, "{}: {}", places.join(", "), self.who) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n8_a_method_is_any_token_in_capitals() {
        for text in ["GET", "M-SEARCH", "QUERY", "PROPFIND", "X_1"] {
            assert!(Method::parse(text).is_ok(), "{text}");
        }
        for text in ["", "GET ", "G/T", "GÉT", "GET,POST"] {
            assert_eq!(Method::parse(text), Err(MethodFault::NotAToken), "{text}");
        }
        assert_eq!(Method::parse("get"), Err(MethodFault::LowerCase));
    }
}
