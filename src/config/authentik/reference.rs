//! Values that stand elsewhere: `file:///path?fallback` and `env://NAME?fallback`, as authentik accepts them for every variable.

use std::path::{Path, PathBuf};

use crate::config::{Environment, file_content};

/// Longer than any token or address.
const MAX_BYTES: u64 = 64 * 1024;

/// What is wrong, and how to mend it. No text contains the content of a file or variable.
pub(in crate::config) struct Unresolved {
    pub(in crate::config) problem: String,
    pub(in crate::config) help: String,
}

/// The value that `written` stands for: itself, or what it refers to. A file to which it refers is added to `files`.
pub(in crate::config) fn resolve(
    written: &str,
    environment: Environment<'_>,
    files: &mut Vec<PathBuf>,
) -> Result<String, Unresolved> {
    if let Some(reference) = written.strip_prefix("file://") {
        let (path, fallback) = parts(reference);
        files.push(PathBuf::from(path));
        let help = "name a readable file that holds the value, or add a value for its absence: `file:///path?value`";
        return content(path).or_else(|problem| fallback.ok_or(Unresolved { problem, help: help.to_owned() }));
    }
    if let Some(reference) = written.strip_prefix("env://") {
        let (name, fallback) = parts(reference);
        let problem = format!("it refers to the variable {name}, which is not set");
        let help = format!("set {name}, or add a value for its absence: `env://{name}?value`");
        return environment(name).or(fallback).ok_or(Unresolved { problem, help });
    }
    Ok(written.to_owned())
}

fn parts(reference: &str) -> (&str, Option<String>) {
    match reference.split_once('?') {
        Some((place, fallback)) => (place, Some(fallback.to_owned())),
        None => (reference, None),
    }
}

fn content(path: &str) -> Result<String, String> {
    match file_content::read(Path::new(path), MAX_BYTES + 1) {
        Ok(content) if content.len() as u64 > MAX_BYTES => Err(format!("{path} is longer than 64 KiB")),
        Ok(content) => {
            let text = std::str::from_utf8(&content).map_err(|_| format!("{path} is not UTF-8 text"))?;
            Ok(text.trim().to_owned())
        }
        Err(fault) => Err(format!("{path} cannot be read ({})", fault.kind())),
    }
}
