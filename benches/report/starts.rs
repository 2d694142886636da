//! The start time of Gatepost with many sessions in its file.

use std::error::Error;

use super::spread::Spread;
use crate::machine::Cores;
use crate::options::Options;
use crate::servers::gatepost::{Gatepost, Recipe};

/// Milliseconds from the start of the process to `ready`, and MiB at that moment.
pub(crate) struct Starts {
    after_stop: Vec<f64>,
    after_kill: Vec<f64>,
    resident: Vec<f64>,
}

impl Starts {
    /// Starts Gatepost after a clean stop and after `kill -9`, in turn.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn of(another: &Recipe, options: &Options, cores: Cores) -> Result<Self, Box<dyn Error>> {
        let mut starts = Self { after_stop: Vec::new(), after_kill: Vec::new(), resident: Vec::new() };
        let mut gatepost = Gatepost::start(another, cores)?;
        for _ in 0..options.rounds {
            gatepost.server.stop()?;
            gatepost = Gatepost::start(another, cores)?;
            starts.after_stop.push(gatepost.start_time.as_secs_f64() * 1e3);
            starts.resident.push(gatepost.resident_at_start);
            drop(gatepost);
            gatepost = Gatepost::start(another, cores)?;
            starts.after_kill.push(gatepost.start_time.as_secs_f64() * 1e3);
        }
        Ok(starts)
    }

    pub(super) fn text(&self) -> String {
        let [stop, kill, resident] =
            [&self.after_stop, &self.after_kill, &self.resident].map(|values| Spread::of(values.iter().copied()));
        format!(
            "Gatepost is ready {} ms after its start, {} ms when it was killed before; then it has {} MiB resident.",
            stop.text(0),
            kill.text(0),
            resident.text(0)
        )
    }
}
