//! What a check of the setup found: a line for the operator, with the compared values, and a correction where one is needed. Checks
//! change nothing, and their texts contain no secret.

use std::time::Duration;

/// The time limit of one check.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It is as it should be.
    Ok,
    /// It cannot be told.
    Note,
    /// It works, but probably not as intended.
    Warn,
    /// It does not work.
    Fail,
}

impl Level {
    /// The level as it is printed: `ok`, `note`, `warn` or `fail`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it ended.
    pub level: Level,
    /// The name of the check; programs may rely on it.
    pub check: &'static str,
    /// What was compared.
    pub text: String,
    /// How to correct it; empty where nothing is to be done.
    pub help: String,
}

impl Finding {
    /// It is as it should be.
    pub fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Ok, check, text: text.into(), help: String::new() }
    }

    /// It cannot be told, for this reason.
    pub fn note(check: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Note, check, text: text.into(), help: String::new() }
    }

    /// It works, but probably not as intended.
    pub fn warn(check: &'static str, text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { level: Level::Warn, check, text: text.into(), help: help.into() }
    }

    /// It does not work.
    pub fn fail(check: &'static str, text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { level: Level::Fail, check, text: text.into(), help: help.into() }
    }
}
