//! How a sign-out ends at the provider.

use super::issuer;
use crate::config::raw::{self, Application};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::domain::oidc::relying_party::ProviderSignOut;

/// On `None` diagnostics have been recorded.
pub(super) fn provider_sign_out(written: &Application, reader: &mut Reader<'_>) -> Option<ProviderSignOut> {
    let raw::EndSession { enabled, url, parameters } = &written.end_session.value;
    let mut is_sound = true;
    let mut refuse = |is_given: bool, location, problem: &str| {
        if is_given {
            reader.fault(location, problem, "remove one of the two");
            is_sound = false;
        }
    };
    let has_parameters = !parameters.value.0.is_empty();
    if !enabled.value {
        let url = url.given();
        refuse(
            url.is_some(),
            url.map_or(&enabled.location, |url| &url.location),
            "it has no effect with `enabled: false`",
        );
        refuse(has_parameters, &parameters.location, "it has no effect with `enabled: false`");
        return is_sound.then_some(ProviderSignOut::Omitted);
    }
    match url {
        Setting::Faulty => None,
        Setting::Absent => {
            if has_parameters {
                reader.fault(&parameters.location, "it has no effect without `url`", "add `url`, or remove it");
                return None;
            }
            Some(ProviderSignOut::EndSessionEndpoint)
        }
        Setting::Given(url) => {
            for (name, other) in [
                ("end_session_endpoint", &written.end_session_endpoint),
                ("post_logout_redirect_uri", &written.post_logout_redirect_uri),
            ] {
                let other = other.given();
                let problem = format!("`end_session.url` takes the place of `{name}`");
                refuse(other.is_some(), other.map_or(&url.location, |other| &other.location), &problem);
            }
            let mut address = issuer::endpoint(url, reader)?;
            for (Spanned { value: name, .. }, Spanned { value, .. }) in &parameters.value.0 {
                address.query_pairs_mut().append_pair(name, value);
            }
            is_sound.then_some(ProviderSignOut::At(address))
        }
    }
}
