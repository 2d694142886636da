//! Explains without a running server what would be answered, and why: it runs the real outpost on stand-ins that store
//! nothing and call no server, and evaluates the same pure rules one by one.

mod answer;
mod fakes;
mod findings;
mod question;
mod report;

use std::fmt::{self, Write as _};
use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use thiserror::Error;

pub use question::{BadQuestion, Question};

use crate::domain::application::Application;
use crate::domain::application::registry::Applications;
use crate::domain::decision::{Decision, Reason, Verdict};
use crate::domain::http::RequestLimits;
use crate::domain::policy::KnownBy;
use crate::outpost::{Outpost, Request};
use crate::ports::EntropyFault;
use question::Unreadable;
use report::Report;

/// Why a request cannot be explained.
#[derive(Debug, Error)]
pub enum NoExplanation {
    /// The question is invalid.
    #[error(transparent)]
    Question(#[from] BadQuestion),
    /// The outpost could not be set up, or waited for something that no stand-in provides.
    #[error("gatepost cannot explain this request")]
    Setup,
}

impl From<EntropyFault> for NoExplanation {
    fn from(_: EntropyFault) -> Self {
        Self::Setup
    }
}

/// The answer to a question, and what leads to it.
#[derive(Debug)]
pub struct Explanation {
    report: Report,
    decision: Value,
}

impl Explanation {
    fn new(mut report: Report, decision: &Decision, application: Option<&Application>) -> Self {
        answer::describe(&mut report, decision, application);
        let (answer, status) = match &decision.verdict {
            Verdict::Allow(_) => ("allow", None),
            Verdict::Redirect(redirect) => ("redirect", Some(redirect.status)),
            Verdict::Page(page) => ("page", Some(page.status)),
            Verdict::Deny(page) => ("deny", Some(page.status)),
        };
        let status = status.map(|status| status.as_u16());
        let reason = decision.audit.reason.as_str();
        Self { report, decision: json!({ "answer": answer, "status": status, "reason": reason }) }
    }

    /// The explanation as a JSON object: `decision` with `answer` (`allow`, `redirect`, `page` or `deny`), `status` (null for an
    /// allow) and `reason`; `findings`, each with `label` and `lines`, as the text has them.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "decision": self.decision, "findings": self.report.as_json() })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)
    }
}

/// Explains what the outpost of these applications, with this name and these limits, would answer.
///
/// # Errors
/// See [`NoExplanation`]. A denial is not an error: it is a result that is explained.
pub fn explain(
    applications: &Applications,
    outpost: &str,
    limits: RequestLimits,
    question: &Question,
) -> Result<Explanation, NoExplanation> {
    let mut report = Report::default();
    report.line("request", format!("{} {}", question.method, question.address));
    let head = match question.head() {
        Ok(head) => head,
        Err(fault) => {
            report.line("refused", refusal(fault));
            let outpost = Outpost::new(fakes::parts(applications, outpost, None, question.now))?;
            let decision = outpost.refuse(Reason::Malformed, question.reader());
            return Ok(Explanation::new(report, &decision, None));
        }
    };
    let application = applications.route(&head).ok().map(|(application, _)| application);
    let visitor = application.and_then(|application| question.visitor(application));
    let head = match &visitor {
        Some(visitor) => question.head_of(visitor, head),
        None => head,
    };
    let user = question.claims.as_ref().map(|claims| (claims, KnownBy::Session(question.now)));
    findings::describe(&mut report, applications, &head, user);
    let outpost = Outpost::new(fakes::parts(applications, outpost, visitor, question.now))?.with_limits(limits);
    let request = Request::from(head);
    let decision: Decision = outpost.answer(&outpost.route(&request)).now_or_never().ok_or(NoExplanation::Setup)?;
    Ok(Explanation::new(report, &decision, application.map(Arc::as_ref)))
}

/// The refusal by an inbound protocol, before the outpost is asked.
fn refusal(fault: Unreadable) -> String {
    let mut text = String::from("before an application is selected: ");
    // Writing to a String cannot fail.
    let _ = match fault {
        Unreadable::Host(fault) => write!(text, "{fault}"),
        Unreadable::Target(fault) => write!(text, "{fault}"),
    };
    text
}
