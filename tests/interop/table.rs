//! One table of results, and its comparison with the one in the documents.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use crate::options::Options;
use crate::support::tools;

/// The result of one row in one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Holds,
    /// It holds except for this, which the program does not do.
    HoldsBut(&'static str),
    /// It does not hold; the reason.
    Fails(String),
    /// The program cannot do this, or it cannot be tried here; the reason, which the document explains. An empty one: this is
    /// not what the program is for.
    NotApplicable(&'static str),
}

impl Cell {
    /// The result of a check that panics where something does not hold.
    pub(crate) async fn of(check: impl Future<Output = ()>) -> Self {
        match AssertUnwindSafe(check).catch_unwind().await {
            Ok(()) => Self::Holds,
            Err(payload) => Self::Fails(message(&*payload)),
        }
    }

    /// The same result of a program that does not do all that the column is about.
    pub(crate) fn except(self, exception: Option<&'static str>) -> Self {
        match (self, exception) {
            (Self::Holds, Some(exception)) => Self::HoldsBut(exception),
            (cell, _) => cell,
        }
    }

    const fn holds(&self) -> bool {
        matches!(self, Self::Holds | Self::HoldsBut(_))
    }

    fn as_text(&self) -> String {
        match self {
            Self::Holds => "yes".to_owned(),
            Self::HoldsBut(exception) => format!("yes ({exception})"),
            Self::Fails(_) => "no".to_owned(),
            Self::NotApplicable("") => "–".to_owned(),
            Self::NotApplicable(reason) => format!("– ({reason})"),
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}

/// Rows are programs with their versions, columns are capabilities.
#[derive(Debug)]
pub(crate) struct Table {
    /// The name in `--only` and in the markers of the document.
    pub(crate) name: &'static str,
    /// The head of the first column.
    pub(crate) corner: &'static str,
    pub(crate) columns: &'static [&'static str],
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug)]
pub(crate) struct Row {
    /// The program, without its version.
    pub(crate) program: String,
    pub(crate) version: String,
    /// One for each column.
    pub(crate) cells: Vec<Cell>,
}

impl Table {
    pub(crate) fn as_markdown(&self) -> String {
        let mut text = format!(
            "| {} | {} |\n|{}\n",
            self.corner,
            self.columns.join(" | "),
            " --- |".repeat(self.columns.len() + 1)
        );
        for Row { program, version, cells } in &self.rows {
            assert_eq!(cells.len(), self.columns.len(), "{program}: one cell for each column");
            let cells: Vec<_> = cells.iter().map(Cell::as_text).collect();
            writeln!(text, "| {program} {version} | {} |", cells.join(" | ")).expect("memory");
        }
        text
    }

    /// Row, column and reason of everything that does not hold.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.rows.iter().flat_map(|row| {
            row.cells.iter().zip(self.columns).filter_map(|(cell, column)| match cell {
                Cell::Fails(reason) => Some((row.program.as_str(), *column, reason.as_str())),
                Cell::Holds | Cell::HoldsBut(_) | Cell::NotApplicable(_) => None,
            })
        })
    }

    /// The cells that hold, by program and column.
    fn holding(&self) -> BTreeMap<(String, String), bool> {
        let cells = self.rows.iter().flat_map(|row| {
            row.cells
                .iter()
                .zip(self.columns)
                .map(|(cell, column)| ((row.program.clone(), (*column).to_owned()), cell.holds()))
        });
        cells.collect()
    }

    fn markers(&self) -> (String, String) {
        (format!("<!-- table: {} -->\n", self.name), format!("<!-- end: {} -->\n", self.name))
    }

    /// The rows of this table in the document.
    fn documented<'a>(&self, document: &'a str) -> Option<&'a str> {
        let (begin, end) = self.markers();
        let (_, rest) = document.split_once(&begin)?;
        rest.split_once(&end).map(|(table, _)| table)
    }

    /// What says "yes" in the document and does not hold now. A row that did not run is missing only in a whole run.
    fn lost(&self, documented: &str, is_whole: bool) -> Vec<String> {
        let now = self.holding();
        let mut lines = documented.lines().map(|line| line.trim_matches('|').split('|').map(str::trim));
        let columns: Vec<_> = lines.next().into_iter().flatten().skip(1).collect();
        let mut lost = Vec::new();
        for mut line in lines.skip(1) {
            let row = line.next().unwrap_or_default();
            // The version is the last word.
            let program = row.rsplit_once(' ').map_or(row, |(program, _)| program);
            for (column, _) in columns.iter().zip(line).filter(|(_, cell)| cell.starts_with("yes")) {
                match now.get(&(program.to_owned(), (*column).to_owned())) {
                    Some(false) => lost.push(format!("{program}, {column}: held before, does not hold now")),
                    None if is_whole => lost.push(format!("{program}, {column}: held before, did not run")),
                    Some(true) | None => {}
                }
            }
        }
        lost
    }
}

/// The documents with tables: the first has all of them, the others some.
const DOCUMENTS: [&str; 2] = ["docs/interop.md", "README.md"];

/// What the documents say and these tables do not show. With `BLESS` the documents take over the tables of which every row ran.
pub(crate) fn compare_with_documents(tables: &[Table], options: &Options) -> Vec<String> {
    let blessed = std::env::var_os("BLESS").is_some();
    if blessed && !options.runs_all_rows() {
        return vec!["BLESS writes whole tables: leave `--row` out".to_owned()];
    }
    let mut lost = Vec::new();
    for (number, name) in DOCUMENTS.iter().enumerate() {
        let path = tools::root().join(name);
        let mut document = std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        for table in tables {
            let Some(documented) = table.documented(&document) else {
                if number == 0 {
                    lost.push(format!("{name} has no place for the table {}", table.name));
                }
                continue;
            };
            if blessed {
                let (begin, end) = table.markers();
                let (old, new) = (format!("{begin}{documented}{end}"), format!("{begin}{}{end}", table.as_markdown()));
                document = document.replace(&old, &new);
            } else {
                lost.extend(
                    table.lost(documented, options.is_whole()).into_iter().map(|line| format!("{name}: {line}")),
                );
            }
        }
        if blessed {
            std::fs::write(&path, document).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        }
    }
    lost
}
