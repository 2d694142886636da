//! The audit stream: events as lines of JSON, in a file or through a Unix socket. A bounded queue lies between the requests and the
//! thread that writes, so that a full disk or a slow reader delays no request.

mod destination;
mod fault;
mod file;
mod line;
mod log;
mod queue;
mod settings;
mod socket;
mod writer;

pub use fault::OpenFault;
pub use log::AuditLog;
pub use settings::AuditSettings;

#[cfg(test)]
mod tests;
