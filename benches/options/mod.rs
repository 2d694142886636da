//! The command line.

use std::error::Error;
use std::time::Duration;

/// A round of the cases through Envoy has many short turns: the slowest of a hundred requests vary most over time.
pub(crate) const TURNS_THROUGH_ENVOY: usize = 6;
pub(crate) const TURN_THROUGH_ENVOY: Duration = Duration::from_secs(1);

/// The extent of the measurement.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: usize,
    /// Duration of one round of one case.
    pub(crate) span: Duration,
    /// The number of signed-in users.
    pub(crate) sessions: usize,
    /// Labels of the selected cases; all when empty.
    only: Vec<String>,
}

impl Options {
    /// Reads the command line of this process; `sessions` is the default number of signed-in users.
    ///
    /// # Errors
    /// When it is not understood.
    pub(crate) fn read(sessions: usize) -> Result<Self, Box<dyn Error>> {
        let mut options = Self { rounds: 5, span: Duration::from_secs(2), sessions, only: Vec::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // Cargo passes this to every benchmark.
                "--bench" => {}
                "--quick" => {
                    options.rounds = 3;
                    options.span = Duration::from_secs(1);
                }
                "--only" => {
                    let labels = arguments.next().ok_or("--only needs labels, as in `--only b,c2`")?;
                    options.only = labels.split(',').map(str::to_owned).collect();
                }
                "--sessions" => {
                    options.sessions = arguments.next().ok_or("--sessions needs a number")?.parse()?;
                }
                other => {
                    return Err(format!("`{other}` is unknown: [--quick] [--only LABELS] [--sessions NUMBER]").into());
                }
            }
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, label: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == label)
    }
}
