//! Step-up: a signed-in user whom the rules would allow after another sign-in (`acr`, `max_age`) is sent to the provider once.
//! If the new session still does not meet the rule, a page says so.

use url::Url;
use url::form_urlencoded::Serializer;

use super::begin::{Beginning, begin_sign_in, only_parameter};
use crate::domain::application::Application;
use crate::domain::application::cookies::OwnCookies;
use crate::domain::application::endpoints::{SESSIONS, STEP_UP_PARAMETER};
use crate::domain::audit::Denial;
use crate::domain::decision::pages::StepUp;
use crate::domain::decision::{Reason, Verdict};
use crate::domain::http::{ClientKind, RequestHead, RequestTarget};
use crate::domain::oidc::sign_in::{Attempt, StartedBy};
use crate::domain::policy::identity::Identity;
use crate::domain::policy::{AuthenticationRequirement, Compared, Forbidden, RequirementSet, recent_sign_in};
use crate::domain::session::LiveSession;
use crate::outpost::answers;
use crate::outpost::errors::{Fault, Outcome};
use crate::outpost::request_context::RequestContext;
use crate::outpost::services::Services;

/// The longest path, in bytes, that a link to `start` names.
const LONGEST_PATH: usize = 1024;

/// A request of a signed-in user whom the rules would allow after another sign-in.
pub(in crate::outpost) async fn step_up(
    services: &Services,
    context: &mut RequestContext<'_>,
    own: &OwnCookies,
    session: &LiveSession,
) -> Outcome {
    let (application, head) = (context.application, &context.request.head);
    let (identity, now) = (Identity::Session(session.clone()), services.parts.clock.now());
    context.user = Some(identity.name().to_owned());
    let asked = application.rules.sign_ins_asked(identity.issued_claims(), head, Compared::All);
    // Rules that are not met ask for something.
    let Some(requirement) = application.rules.requirement(asked) else {
        return Ok(answers::forbidden(context, &identity, Forbidden::OtherSignIn, now));
    };
    let cause =
        application.rules.explain(Forbidden::OtherSignIn, identity.issued_claims(), identity.known_by(now), head);
    let was_asked = is_answer(application, &identity, session, &requirement, head);
    tracing::info!(decision_id = context.id, application = %application.slug, %cause, was_asked, "an access rule asks for another sign-in");
    if was_asked || context.kind != ClientKind::Navigation {
        context.record_denial(Denial::StepUpRequired, Some(&identity), &cause);
        return Ok(insufficient(context, &identity, &requirement, was_asked));
    }
    let beginning = Beginning {
        return_address: context.own_address(),
        origin: StartedBy::StepUp(asked.bits()),
        restarts: 0,
        parameters: requirement.parameters(),
    };
    Box::pin(begin_sign_in(services, context, own, beginning)).await
}

/// Asks the user for the recent sign-in that is needed to end sessions; it ends at their page.
pub(in crate::outpost) async fn to_end_sessions(
    services: &Services,
    context: &RequestContext<'_>,
    own: &OwnCookies,
) -> Outcome {
    let beginning = Beginning::of_request(context.application.endpoint(SESSIONS));
    Box::pin(begin_sign_in(services, context, own, with_recent_sign_in(beginning))).await
}

fn with_recent_sign_in(mut beginning: Beginning) -> Beginning {
    let parameters = recent_sign_in().parameters();
    beginning.parameters.retain(|one| parameters.iter().all(|other| other.name != one.name));
    beginning.parameters.extend(parameters);
    beginning.origin = StartedBy::Sessions;
    beginning
}

/// At `start`: a user with a session is asked for the sign-in that the rules want at the return address, or at the path that a
/// page of [`insufficient`] names; for the page of the user's sessions, for a recent sign-in. nginx sends every denied request
/// here.
pub(super) async fn at_start(
    services: &Services,
    context: &RequestContext<'_>,
    own: &OwnCookies,
    mut beginning: Beginning,
) -> Result<Beginning, Fault> {
    let rules = &context.application.rules;
    let leads_to_sessions = beginning.return_address == context.application.endpoint(SESSIONS);
    if !rules.ask_for_sign_ins() && !leads_to_sessions {
        return Ok(beginning);
    }
    let Some(found) = services.find_session(context.application, own).await? else { return Ok(beginning) };
    if leads_to_sessions {
        return Ok(with_recent_sign_in(beginning));
    }
    let named = only_parameter(context.request.head.target.query().unwrap_or_default(), STEP_UP_PARAMETER);
    let is_named = named.is_some();
    let path = named.or_else(|| path_of(&beginning.return_address));
    let target = path.and_then(|path| RequestTarget::read(path).ok());
    let Some(target) = context.request.redirected_from.clone().or(target) else { return Ok(beginning) };
    let head = RequestHead { target, ..context.request.head.clone() };
    let identity = Identity::Session(found.session);
    if !is_named && rules.permit(&identity, &head, services.parts.clock.now()).is_ok() {
        return Ok(beginning);
    }
    // The method of a request whose page was named is not known.
    let compared = if is_named { Compared::Path } else { Compared::AllButClient };
    let asked = rules.sign_ins_asked(identity.issued_claims(), &head, compared);
    if let Some(requirement) = rules.requirement(asked) {
        let parameters = requirement.parameters();
        beginning.parameters.retain(|one| parameters.iter().all(|other| other.name != one.name));
        beginning.parameters.extend(parameters);
        beginning.origin = StartedBy::StepUp(asked.bits());
    }
    Ok(beginning)
}

/// The kind of sign-in that was asked for when `attempt` began: by access rules, or in order to end sessions.
pub(super) fn asked_for(application: &Application, attempt: &Attempt) -> Option<AuthenticationRequirement> {
    match attempt.origin() {
        StartedBy::StepUp(asked) => application.rules.requirement(RequirementSet::from_bits(asked)),
        StartedBy::Sessions => Some(recent_sign_in()),
        StartedBy::Request | StartedBy::Start => None,
    }
}

/// Whether the session is the provider's answer to this requirement and did not meet it from the beginning. One that met it once
/// has only become too old.
fn is_answer(
    application: &Application,
    identity: &Identity,
    session: &LiveSession,
    requirement: &AuthenticationRequirement,
    head: &RequestHead,
) -> bool {
    let record = session.record();
    let met = application.rules.permit(identity, head, record.created).is_ok();
    record.step_up == Some(requirement.fingerprint()) && !met
}

fn path_of(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    Some(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
}

/// The answer to a client that is not redirected, or that came back from the provider without what the rules ask for.
fn insufficient(
    context: &RequestContext<'_>,
    identity: &Identity,
    requirement: &AuthenticationRequirement,
    was_asked: bool,
) -> (Verdict, Reason) {
    let path = context.request.head.target.raw_path();
    let mut sign_in = answers::start_again(context, &context.page_around(context.own_address()));
    // It may be the address of the page itself, which is not to get a parameter of ours.
    if sign_in.starts_with(&context.application.endpoint("start")) && path.len() <= LONGEST_PATH {
        let path: String = Serializer::new(String::new()).append_pair(STEP_UP_PARAMETER, path).finish();
        sign_in.push(if sign_in.contains('?') { '&' } else { '?' });
        sign_in.push_str(&path);
    }
    let has_time = identity.issued_claims().present("auth_time").is_some();
    let asked = StepUp {
        user: identity.name(),
        acr: &requirement.acr,
        max_age: requirement.max_age,
        was_asked,
        lacks_time: requirement.max_age.is_some() && !has_time,
        sign_in,
    };
    (Verdict::Deny(context.pages().step_up(&asked, &context.id)), Reason::StepUpRequired)
}
