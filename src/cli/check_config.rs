//! `gatepost check-config`: the faults of a configuration, and what a reload of it would change.

use std::fmt::Write as _;

use super::arguments::{CheckConfig, Source};
use super::fault::Fault;
use super::output::{print, tell, warnings_of};
use super::source::load;
use crate::config::{ChangedSettings, Loaded};

/// Checks the configuration, and compares it with another one if that is asked for.
pub(super) fn check_config(CheckConfig { source, diff }: CheckConfig) -> Result<(), Fault> {
    let Loaded { warnings, digests, .. } = load(&source)?;
    let mut text = "ok\n".to_owned();
    if let Some(earlier) = diff {
        let earlier = load(&Source { config: Some(earlier) })?;
        text += &described(&digests.changed_since(&earlier.digests));
    }
    tell(&warnings_of(&warnings)).and_then(|()| print(&text)).map_err(Fault::Output)
}

/// One line for each setting.
fn described(changed: &ChangedSettings) -> String {
    let mut lines = String::new();
    for (settings, when) in [(&changed.reloaded, "applies on reload"), (&changed.need_restart, "needs a restart")] {
        for setting in settings {
            // Writing to a `String` cannot fail.
            let _ = writeln!(lines, "{when}: {setting}");
        }
    }
    if lines.is_empty() { "no setting differs\n".to_owned() } else { lines }
}
