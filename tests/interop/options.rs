//! The arguments of the command.

/// Which tables and rows run; all of them unless named.
#[derive(Debug, Default)]
pub(crate) struct Options {
    only: Vec<String>,
    rows: Vec<String>,
}

impl Options {
    /// `--only TABLE[,TABLE…]` and `--row PART-OF-A-NAME`.
    pub(crate) fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let list = match argument.as_str() {
                "--only" => &mut options.only,
                "--row" => &mut options.rows,
                _ => {
                    return Err(format!("unknown argument {argument}: --only TABLE[,TABLE…] and --row NAME are known"));
                }
            };
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
            list.extend(value.split(',').map(str::to_lowercase));
        }
        Ok(options)
    }

    pub(crate) fn runs_table(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == name)
    }

    /// Whether the row with this name runs; a part of the name is enough, in any case.
    pub(crate) fn runs_row(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.rows.is_empty() || self.rows.iter().any(|wanted| name.contains(wanted))
    }

    /// Whether no row of the tables that run is left out.
    pub(crate) fn runs_all_rows(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether everything runs, so that a row that is missing was lost.
    pub(crate) fn is_whole(&self) -> bool {
        self.only.is_empty() && self.rows.is_empty()
    }
}
