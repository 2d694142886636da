//! The credentials that an application accepts in `Authorization`.

use super::foreign_issuers::foreign_issuers;
use super::relying_party;
use super::token_algorithms::token_algorithms;
use crate::config::diagnostic::Location;
use crate::config::raw::{Application, AuthMethod, Basic, Bearer, BearerCheck as Check};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::domain::oidc::credentials::{
    AcceptedCredentials, AccessTokenRules, BasicRules, BearerCheck, BearerRules, IntrospectionRules,
};

pub(super) fn credentials(written: &Application, reader: &mut Reader<'_>) -> Option<AcceptedCredentials> {
    let bearer = section(&written.bearer, |bearer| bearer_rules(bearer, written, reader));
    let basic = section(&written.basic, |basic| basic_rules(&basic.value, written, reader));
    let intercept = written.intercept_header_auth.value;
    let locations =
        [written.bearer.given().map(|bearer| &bearer.location), written.basic.given().map(|basic| &basic.location)];
    for location in locations.into_iter().flatten().filter(|_| !intercept) {
        let problem = "it has no effect with `intercept_header_auth: false`";
        reader.warn(location, problem, "remove one of the two, unless this is intended");
    }
    Some(AcceptedCredentials { intercept, bearer: bearer.ok()?, basic: basic.ok()? })
}

/// Diagnostics have been recorded.
struct Faulty;

/// Reads a section that may be missing.
fn section<W, T>(slot: &Setting<W>, read: impl FnOnce(&Spanned<W>) -> Option<T>) -> Result<Option<T>, Faulty> {
    match slot {
        Setting::Absent => Ok(None),
        Setting::Faulty => Err(Faulty),
        Setting::Given(written) => read(written).map(Some).ok_or(Faulty),
    }
}

fn bearer_rules(written: &Spanned<Bearer>, application: &Application, reader: &mut Reader<'_>) -> Option<BearerRules> {
    let Spanned { location, value: bearer } = written;
    let scopes = relying_party::scope_list(&bearer.scopes, reader);
    let issuers = foreign_issuers(bearer, reader);
    let verify = match bearer.verify.given()?.value {
        Check::Jwt => access_token_rules(bearer, location, reader).map(BearerCheck::Jwt),
        Check::Introspection => introspection_rules(bearer, application, reader).map(BearerCheck::Introspection),
    };
    let (scopes, pass_on) = (scopes?, bearer.pass_on.value);
    Some(BearerRules { verify: verify?, scopes, pass_on, issuers: issuers? })
}

fn access_token_rules(bearer: &Bearer, location: &Location, reader: &mut Reader<'_>) -> Option<AccessTokenRules> {
    let algorithms = token_algorithms(&bearer.algorithms, reader);
    if let Some(clients) = bearer.clients.given() {
        let problem = "`clients` has no effect with `verify: jwt`";
        reader.fault(&clients.location, problem, "remove it, or use `verify: introspection`");
        return None;
    }
    if bearer.audience.is_absent() {
        let location = location.inside("audience");
        let problem = "without an audience, tokens issued for other applications would be accepted";
        reader.fault(&location, problem, "set the value that the provider writes into `aud` for this application");
    }
    Some(AccessTokenRules {
        audiences: vec![bearer.audience.given()?.value.clone()],
        algorithms: algorithms?,
        token_type: bearer.token_type.given().map(|kind| kind.value).unwrap_or_default(),
    })
}

fn introspection_rules(
    bearer: &Bearer,
    application: &Application,
    reader: &mut Reader<'_>,
) -> Option<IntrospectionRules> {
    let has_no_endpoint =
        application.authorization_endpoint.given().is_some() && application.introspection_endpoint.is_absent();
    if let Some(verify) = bearer.verify.given().filter(|_| has_no_endpoint) {
        let problem = "there is no `introspection_endpoint` among the endpoints that are given";
        reader.fault(&verify.location, problem, "add `introspection_endpoint`");
    }
    let is_public = application.token_endpoint_auth_method.value == AuthMethod::None;
    if let Some(verify) = bearer.verify.given().filter(|_| is_public) {
        let problem = "a provider tells about tokens only who authenticates (RFC 7662), and a public client does not";
        reader.fault(&verify.location, problem, "choose another `token_endpoint_auth_method`, or use `verify: jwt`");
    }
    let useless = [
        (bearer.algorithms.given().map(|written| &written.location), "algorithms"),
        (bearer.token_type.given().map(|written| &written.location), "token_type"),
    ];
    let mut sound = true;
    for (location, name) in useless {
        if let Some(location) = location {
            sound = false;
            let problem = format!("`{name}` has no effect with `verify: introspection`");
            reader.fault(location, problem, "remove it, or use `verify: jwt`");
        }
    }
    let rules = match (&bearer.audience, &bearer.clients) {
        (Setting::Faulty, _) | (_, Setting::Faulty) => return None,
        (Setting::Given(_), Setting::Given(clients)) => {
            reader.fault(&clients.location, "`clients` has no effect beside `audience`", "keep one of the two");
            return None;
        }
        (Setting::Given(audience), Setting::Absent) => IntrospectionRules::Audience(audience.value.clone()),
        (Setting::Absent, Setting::Given(clients)) if clients.value.is_empty() => {
            reader.fault(
                &clients.location,
                "the list is empty, so every token would be rejected",
                "list one, or remove it",
            );
            return None;
        }
        (Setting::Absent, Setting::Given(clients)) => {
            IntrospectionRules::Clients(clients.value.iter().map(|client| client.value.clone()).collect())
        }
        (Setting::Absent, Setting::Absent) => {
            IntrospectionRules::Clients(vec![application.client_id.given()?.value.clone()])
        }
    };
    sound.then_some(rules)
}

fn basic_rules(basic: &Basic, application: &Application, reader: &mut Reader<'_>) -> Option<BasicRules> {
    let scopes = match &basic.scopes {
        // Diagnostics about the application's own list are recorded where it is read.
        Setting::Absent => Some(application.scopes.value.iter().map(|scope| scope.value.clone()).collect()),
        Setting::Faulty => None,
        Setting::Given(scopes) => relying_party::scopes(scopes, reader),
    };
    Some(BasicRules { scopes: scopes?, pass_on: basic.pass_on.value })
}
