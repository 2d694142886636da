//! The events of the audit stream that operators cause.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};

use tonic::{Code, Extensions, Status};

use crate::admin_api::{EndUserRequest, ListRequest, end_user_request};
use crate::domain::audit::{AdminAction, AdminOutcome, AuditEvent, AuditOperator, as_told};
use crate::inbound::connections::Peer;
use crate::outpost::Outpost;

/// What an operator asks for.
pub(super) struct Asked {
    action: AdminAction,
    operator: AuditOperator,
    target: String,
}

impl Asked {
    pub(super) fn new(action: AdminAction, extensions: &Extensions, target: &str) -> Self {
        Self { action, operator: operator(extensions.get()), target: as_told(&target) }
    }

    /// Records that it was carried out, and how many sessions ended, if any was to end.
    pub(super) fn done(self, outpost: &Outpost, ended: Option<u64>) {
        self.record(outpost, AdminOutcome::Done, ended, None);
    }

    /// Records that nothing ended, because so many users match.
    pub(super) fn matched(self, outpost: &Outpost, users: usize) {
        let outcome = if users == 0 { AdminOutcome::NotFound } else { AdminOutcome::Ambiguous };
        self.record(outpost, outcome, Some(0), None);
    }

    /// Records the refusal or the fault, which is returned.
    pub(super) fn failed(self, outpost: &Outpost, status: Status) -> Status {
        let is_refused = matches!(status.code(), Code::InvalidArgument | Code::ResourceExhausted);
        let refused_or_failed = if is_refused { AdminOutcome::Refused } else { AdminOutcome::Failed };
        let outcome = if status.code() == Code::NotFound { AdminOutcome::NotFound } else { refused_or_failed };
        self.record(outpost, outcome, None, Some(status.message()));
        status
    }

    fn record(self, outpost: &Outpost, outcome: AdminOutcome, ended: Option<u64>, cause: Option<&str>) {
        outpost.record_administration(|| AuditEvent::Administration {
            action: self.action,
            outcome,
            operator: self.operator,
            target: Some(self.target).filter(|target| !target.is_empty()),
            ended,
            cause: cause.map(|cause| as_told(&cause)),
        });
    }
}

/// A connection whose handshake failed, as it does without an acceptable client certificate.
pub(super) fn refused_connection(address: IpAddr, fault: &dyn Display) -> AuditEvent {
    AuditEvent::Administration {
        action: AdminAction::Connect,
        outcome: AdminOutcome::Refused,
        operator: AuditOperator { address, certificate: None },
        target: None,
        ended: None,
        cause: Some(as_told(fault)),
    }
}

/// The criteria of a list, as `gatepost sessions list` has them.
pub(super) fn criteria(request: &ListRequest) -> String {
    let ListRequest { user, issuer, application, older_than, idle_for } = request;
    let texts = [("user", user), ("issuer", issuer), ("app", application)];
    let texts = texts.into_iter().filter_map(|(name, text)| Some(format!("{name}={}", text.as_ref()?)));
    let spans = [("older-than", older_than), ("idle-for", idle_for)];
    let spans = spans.into_iter().filter_map(|(name, seconds)| Some(format!("{name}={}s", (*seconds)?)));
    texts.chain(spans).collect::<Vec<_>>().join(" ")
}

/// The user that a call names.
pub(super) fn named(request: &EndUserRequest) -> String {
    let user = request.selector.as_ref().map(|selector| match selector {
        end_user_request::Selector::User(text) => format!("user={text}"),
        end_user_request::Selector::Subject(subject) => format!("subject={subject}"),
    });
    let issuer = request.issuer.as_ref().map(|issuer| format!("issuer={issuer}"));
    user.into_iter().chain(issuer).collect::<Vec<_>>().join(" ")
}

/// Every connection of this listener names its peer.
fn operator(peer: Option<&Peer>) -> AuditOperator {
    let address = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.address);
    let certificate = peer.and_then(|peer| peer.certificate.as_ref());
    AuditOperator { address, certificate: certificate.map(ToString::to_string) }
}
