//! A trail that keeps its events.

use std::sync::Mutex;

use crate::domain::audit::AuditEvent;
use crate::ports::AuditTrail;

/// Keeps every event.
#[derive(Default)]
pub struct KeptAudit(Mutex<Vec<AuditEvent>>);

impl KeptAudit {
    /// The events since the last call.
    pub fn take(&self) -> Vec<AuditEvent> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl AuditTrail for KeptAudit {
    fn record(&self, event: AuditEvent) {
        self.0.lock().unwrap().push(event);
    }
}
