//! The provider's endpoints, where the operator gives them in place of discovery.

use url::Url;

use super::issuer;
use crate::config::raw::Application;
use crate::config::reader::{Reader, Setting};
use crate::domain::oidc::relying_party::ProviderEndpoints;

/// The endpoints that are given; the outer `None` says that there were diagnostics.
#[expect(
    clippy::option_option,
    reason = "the outer `None` is a setting that could not be read, the inner one settings that are not given"
)]
pub(super) fn provider_endpoints(written: &Application, reader: &mut Reader<'_>) -> Option<Option<ProviderEndpoints>> {
    let needed = [
        ("authorization_endpoint", &written.authorization_endpoint),
        ("token_endpoint", &written.token_endpoint),
        ("jwks_uri", &written.jwks_uri),
    ];
    let further = [
        &written.userinfo_endpoint,
        &written.end_session_endpoint,
        &written.introspection_endpoint,
        &written.revocation_endpoint,
    ];
    let first = needed.iter().map(|(_, setting)| *setting).chain(further).find_map(Setting::given);
    let are_all_absent = needed.iter().map(|(_, setting)| *setting).chain(further).all(Setting::is_absent);
    let missing: Vec<&str> = needed.iter().filter(|(_, setting)| setting.is_absent()).map(|(name, _)| *name).collect();
    if are_all_absent {
        return Some(None);
    }
    if let Some(first) = first.filter(|_| !missing.is_empty()) {
        let problem = format!("beside it, these are missing: {}", missing.join(", "));
        let help = "give authorization_endpoint, token_endpoint and jwks_uri, or none of the endpoints";
        reader.fault(&first.location, problem, help);
    }
    let [authorization, token, keys] = needed.map(|(_, setting)| required(setting, reader));
    let [userinfo, end_session, introspection, revocation] = further.map(|setting| optional(setting, reader));
    Some(Some(ProviderEndpoints {
        authorization_endpoint: authorization?,
        token_endpoint: token?,
        jwks_uri: keys?,
        userinfo_endpoint: userinfo?,
        end_session_endpoint: end_session?,
        introspection_endpoint: introspection?,
        revocation_endpoint: revocation?,
        backchannel_host: None,
    }))
}

fn required(setting: &Setting<String>, reader: &mut Reader<'_>) -> Option<Url> {
    setting.given().and_then(|written| issuer::endpoint(written, reader))
}

/// The address of an endpoint, where it is given; the outer `None` says that there were diagnostics.
#[expect(
    clippy::option_option,
    reason = "the outer `None` is a setting that could not be read, the inner one a setting that is not given"
)]
pub(super) fn optional(setting: &Setting<String>, reader: &mut Reader<'_>) -> Option<Option<Url>> {
    match setting {
        Setting::Absent => Some(None),
        Setting::Faulty => None,
        Setting::Given(written) => issuer::endpoint(written, reader).map(Some),
    }
}
