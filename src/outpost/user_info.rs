//! Tells the scripts of an application who is signed in.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answers;
use super::errors::Outcome;
use super::request_context::RequestContext;
use super::services::Services;
use crate::domain::application::cookies::OwnCookies;
use crate::domain::decision::pages::{Message, Text};
use crate::domain::decision::{Page, Reason, Verdict};
use crate::domain::oidc::claims::GroupsClaim;
use crate::domain::session::SessionRecord;

/// The claims that a script may see: those that say who the user is (`OpenID` Connect Core section 5.1), and groups. A session
/// may hold others, which the operator meant for the application only.
const CLAIMS: [&str; 14] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "email",
    "email_verified",
    "zoneinfo",
    "locale",
    "groups",
    "entitlements",
];

/// `userinfo`: the user of the request's own session. Only the application's own pages may ask.
pub(super) async fn user_info(services: &Services, context: &mut RequestContext<'_>) -> Outcome {
    if context.request.head.method != "GET" {
        return Ok(answers::method_not_allowed(context, "GET"));
    }
    if !is_own_page(context) {
        return Ok(cross_origin(context));
    }
    let own = OwnCookies::read(&context.request.head.headers, context.application)?;
    let Some(loaded) = services.find_session(context.application, &own).await? else {
        return Ok(answers::sign_in_required(context, context.landing()));
    };
    context.user = Some(loaded.name().to_owned());
    let page = Page::json(
        StatusCode::OK,
        "application/json",
        &about(loaded.session.record(), context.application.headers.groups()),
    );
    Ok((Verdict::Page(page), Reason::UserInfo))
}

/// Whether the request comes from a page of the same origin, or from no page at all (Fetch Metadata, section 2.3). A browser
/// without this header sends `Origin` with the requests of other origins' scripts; those cannot read the answer either way.
fn is_own_page(context: &RequestContext<'_>) -> bool {
    let headers = &context.request.head.headers;
    match headers.text("sec-fetch-site") {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => headers
            .text("origin")
            .is_none_or(|origin| context.base().is_some_and(|base| base.trim_end_matches('/') == origin)),
    }
}

fn about(record: &SessionRecord, groups: &GroupsClaim) -> Value {
    let told = |name: &&str| groups.told(name, &record.claims).map(|value| ((*name).to_owned(), value));
    let mut all: Map<String, Value> = CLAIMS.iter().filter_map(told).collect();
    all.insert("sub".to_owned(), json!(record.user.subject));
    Value::Object(all)
}

fn cross_origin(context: &RequestContext<'_>) -> (Verdict, Reason) {
    let (title, text) = (Text::CrossOriginTitle, Text::CrossOrigin.into());
    let message = Message { status: StatusCode::FORBIDDEN, title, text, id: &context.id, action: None };
    (Verdict::Deny(context.pages().render(&message)), Reason::CrossOrigin)
}
