//! Collects diagnostics while the configuration is read; a fault in one place never hides one in another.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Diagnostics, Location};
use super::digests::SettingDigests;
use super::expansion::Environment;
use super::loaded::Loaded;
use crate::server::Config;

/// A value with its location.
#[derive(Clone)]
pub(super) struct Spanned<T> {
    pub(super) location: Location,
    pub(super) value: T,
}

/// A key without a default.
#[derive(Clone)]
pub(super) enum Setting<T> {
    /// Not written.
    Absent,
    /// Written but not usable; the diagnostic has been recorded.
    Faulty,
    /// Written.
    Given(Spanned<T>),
}

impl<T> Setting<T> {
    /// The value, if it is written and usable.
    pub(super) const fn given(&self) -> Option<&Spanned<T>> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Faulty => None,
        }
    }

    pub(super) const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// Collects diagnostics.
pub(super) struct Reader<'a> {
    pub(super) environment: Environment<'a>,
    source: Arc<str>,
    /// The base of relative paths of secrets and certificates.
    folder: PathBuf,
    faults: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    pub(super) digests: SettingDigests,
    /// The files that were read so far.
    pub(super) files: Vec<PathBuf>,
    /// The keys whose values contain variables: such a value is never shown, because it may be a secret by mistake.
    pub(super) with_variables: BTreeSet<Arc<str>>,
    /// Whether the provider may be reached over plain http although it is not on this machine.
    pub(super) allows_plain_http: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &str, folder: &Path, environment: Environment<'a>) -> Self {
        let (faults, warnings, files) = (Vec::new(), Vec::new(), Vec::new());
        let digests = SettingDigests::default();
        let (source, folder) = (source.into(), folder.to_owned());
        let with_variables = BTreeSet::new();
        Self { environment, source, folder, faults, warnings, digests, files, with_variables, allows_plain_http: false }
    }

    /// Records a diagnostic that prevents the start.
    pub(super) fn fault(&mut self, location: &Location, problem: impl Into<String>, help: impl Into<String>) {
        let diagnostic = self.diagnostic(location, problem.into(), help.into());
        self.faults.push(diagnostic);
    }

    /// Records a diagnostic about something that is probably not intended.
    pub(super) fn warn(&mut self, location: &Location, problem: impl Into<String>, help: impl Into<String>) {
        let diagnostic = self.diagnostic(location, problem.into(), help.into());
        self.warnings.push(diagnostic);
    }

    fn diagnostic(&self, location: &Location, problem: String, help: String) -> Diagnostic {
        let Location { key, line, column } = location.clone();
        Diagnostic { source: Arc::clone(&self.source), line, column, key, problem, help }
    }

    /// The name of the file.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// `path` relative to the configuration file's folder.
    pub(super) fn resolve(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The path as diagnostics name it.
    pub(super) fn shown(&self, path: &Spanned<PathBuf>) -> String {
        if self.with_variables.contains(&path.location.key) {
            return "the file that the variable names".to_owned();
        }
        self.resolve(&path.value).display().to_string()
    }

    /// Records what another reader of the same file found there.
    pub(super) fn add(&mut self, found: Diagnostics) {
        self.faults.extend(found.faults);
        self.warnings.extend(found.warnings);
    }

    /// All diagnostics.
    pub(super) fn into_diagnostics(self) -> Diagnostics {
        let Self { faults, warnings, files, .. } = self;
        Diagnostics { faults, warnings, files }
    }

    /// The configuration with its warnings, unless any diagnostic prevents the start.
    pub(super) fn finish(mut self, made: Option<Config>) -> Result<Loaded, Diagnostics> {
        for diagnostics in [&mut self.faults, &mut self.warnings] {
            diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        }
        if let (Some(config), true) = (made, self.faults.is_empty()) {
            let Self { warnings, digests, files, .. } = self;
            return Ok(Loaded { config, warnings, digests, files });
        }
        if self.faults.is_empty() {
            self.fault(&Location::new("", 0, 0), "it cannot be used", "report this as a bug of Gatepost");
        }
        Err(self.into_diagnostics())
    }
}
