//! `envoy.service.auth.v3.Authorization`: reads the question, asks the outpost, renders the answer, in time.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tonic::Status;

use super::body::Body;
use super::cookie_line::LeftOut;
use super::{request, response};
use crate::domain::decision::{Decision, Reason};
use crate::domain::request::RequestHead;
use crate::inbound::grpc::{Calls, Direct, leave_seat};
use crate::outpost::Outpost;
use crate::telemetry::{DecisionRecorder, Door, Stopwatch};

/// Envoy's Checks, among everything else on their port.
pub const CHECKS: Calls = Calls { prefix: "/envoy.service.auth.v3.Authorization/", door: Door::ExtAuthz.as_str() };

/// How long a Check may take at the most, whatever the caller allows.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// A request of an application.
    pub check: Duration,
    /// One for which the provider may have to be asked: at one of our own endpoints, or with a credential.
    pub callback: Duration,
}

/// Answers Envoy's Checks.
#[derive(Clone)]
pub struct CheckService {
    outpost: Arc<Outpost>,
    deadlines: Deadlines,
    recorder: DecisionRecorder,
    left_out: Arc<LeftOut>,
}

impl CheckService {
    /// A service that asks `outpost` and records what it decided.
    #[must_use]
    pub fn new(outpost: Arc<Outpost>, deadlines: Deadlines, recorder: DecisionRecorder) -> Self {
        Self { outpost, deadlines, recorder, left_out: Arc::new(LeftOut::none()) }
    }

    async fn decide(&self, head: &RequestHead, body: &Body, caller: Option<Duration>) -> Decision {
        let errand = self.outpost.sort(head).with_body(body.as_brought()).when_waiting(leave_seat);
        let own = if errand.takes_long() { self.deadlines.callback } else { self.deadlines.check };
        let limit = caller.map_or(own, |caller| own.min(caller));
        let errand = errand.within(limit);
        match tokio::time::timeout(limit, self.outpost.answer(&errand)).await {
            Ok(decision) => decision,
            Err(_) => self.outpost.overdue(&errand),
        }
    }
}

impl Direct for CheckService {
    const PATH: &'static str = "/envoy.service.auth.v3.Authorization/Check";

    async fn answer(&self, message: &[u8], lines: &HeaderMap, answer: &mut Vec<u8>) -> Result<(), Status> {
        let took = Stopwatch::start();
        let read = request::read(message);
        let read = read.map_err(|fault| Status::internal(format!("failed to decode the message: {fault}")))?;
        let (decision, request_id) = match read {
            Ok((head, body)) => (self.decide(&head, &body, deadline(lines)).await, head.request_id),
            Err(fault) => {
                tracing::warn!(%fault, "a check request cannot be answered");
                (self.outpost.refuse(Reason::Malformed, request::client_kind(message)), None)
            }
        };
        self.recorder.record(Door::ExtAuthz, &decision, took, request_id.as_deref());
        response::write(decision, &self.left_out, answer);
        Ok(())
    }
}

/// The caller's deadline (gRPC over HTTP/2, `grpc-timeout`), a little shortened so that the answer still arrives.
fn deadline(lines: &HeaderMap) -> Option<Duration> {
    let text = lines.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok()?;
    let caller = match unit {
        "H" => Duration::from_secs(number.saturating_mul(3600)),
        "M" => Duration::from_secs(number.saturating_mul(60)),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    };
    Some(caller.mul_f64(0.9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fi_2_the_answer_leaves_before_the_callers_deadline() {
        for (text, expected) in [
            ("199m", Some(Duration::from_micros(179_100))),
            ("1S", Some(Duration::from_millis(900))),
            ("1000000u", Some(Duration::from_millis(900))),
            ("2M", Some(Duration::from_secs(108))),
            ("", None),
            ("m", None),
            ("1x", None),
            ("é", None),
        ] {
            let mut lines = HeaderMap::new();
            if let Ok(value) = text.parse() {
                lines.insert("grpc-timeout", value);
            }
            assert_eq!(deadline(&lines), expected, "{text}");
        }
    }
}
