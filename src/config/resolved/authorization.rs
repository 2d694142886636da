//! What an operator adds to the authorization requests of an application. A parameter that Gatepost sends itself prevents the
//! start: it would let the provider send the code, or the user, elsewhere.

use url::Url;

use crate::config::raw::Application;
use crate::config::reader::{Reader, Spanned};
use crate::config::value::Parameters;
use crate::domain::application::RESERVED_PREFIX;
use crate::domain::application::endpoints::{self, Prefixes, RETURN_PARAMETER, STEP_UP_PARAMETER};
use crate::domain::http::{ExternalHost, Scheme};
use crate::domain::oidc::authorization_settings::{
    AuthorizationSettings, Parameter, ParameterName, ParameterNameFault, ParameterValue, ResponseMode,
};

pub(super) fn authorization(
    written: &Application,
    external: &ExternalHost,
    redirect_uri: Option<&Url>,
    prefixes: Prefixes,
    reader: &mut Reader<'_>,
) -> Option<AuthorizationSettings> {
    let parameters = match (written.authorization_parameters.given(), written.authorization_parameters.is_absent()) {
        (Some(Spanned { value: Parameters(list), .. }), _) => parameters(list, reader),
        (None, true) => Some(Vec::new()),
        (None, false) => None,
    };
    let forwarded = forwarded(&written.forward_parameters.value, parameters.as_deref().unwrap_or_default(), reader);
    let response_mode = response_mode(&written.response_mode, external, redirect_uri, prefixes, reader);
    Some(AuthorizationSettings { parameters: parameters?, forwarded: forwarded?, response_mode: response_mode? })
}

fn parameters(written: &[(Spanned<String>, Spanned<String>)], reader: &mut Reader<'_>) -> Option<Vec<Parameter>> {
    let made = written.iter().map(|(name, value)| {
        let help = "write a value of at most 1024 bytes in one line";
        let parsed = ParameterValue::parse(&value.value);
        let parsed = parsed.map_err(|fault| reader.fault(&value.location, fault.to_string(), help)).ok();
        Some(Parameter { name: self::name(name, reader)?, value: parsed? })
    });
    made.collect::<Vec<_>>().into_iter().collect()
}

fn forwarded(
    written: &[Spanned<String>],
    parameters: &[Parameter],
    reader: &mut Reader<'_>,
) -> Option<Vec<ParameterName>> {
    let mut names: Vec<ParameterName> = Vec::new();
    let mut sound = true;
    for entry in written {
        match name(entry, reader) {
            None => sound = false,
            Some(name) if names.contains(&name) => {
                reader.fault(&entry.location, "the parameter is listed twice", "keep one of them");
                sound = false;
            }
            Some(name) if parameters.iter().any(|parameter| parameter.name == name) => {
                let problem = "the parameter has a fixed value in `authorization_parameters`";
                reader.fault(&entry.location, problem, "keep it in one of the two");
                sound = false;
            }
            Some(name) => names.push(name),
        }
    }
    sound.then_some(names)
}

fn name(written: &Spanned<String>, reader: &mut Reader<'_>) -> Option<ParameterName> {
    let fault = match ParameterName::parse(&written.value) {
        // `start` has parameters of its own.
        Ok(name) if ![RETURN_PARAMETER, STEP_UP_PARAMETER].contains(&name.as_str()) => return Some(name),
        Ok(_) => ParameterNameFault::Reserved,
        Err(fault) => fault,
    };
    let help = match fault {
        ParameterNameFault::NotAName => "write it as the provider documents it, like `login_hint`",
        ParameterNameFault::Reserved => {
            "remove it; `redirect_uri`, `scopes` and `response_mode` are keys of the application"
        }
    };
    reader.fault(&written.location, fault.to_string(), help);
    None
}

/// A form post comes from the provider's site: the browser sends only cookies with `SameSite=None` along, which have to be
/// `Secure`, and Gatepost takes the body of one path only.
fn response_mode(
    written: &Spanned<ResponseMode>,
    external: &ExternalHost,
    redirect_uri: Option<&Url>,
    prefixes: Prefixes,
    reader: &mut Reader<'_>,
) -> Option<ResponseMode> {
    if written.value == ResponseMode::Query {
        return Some(ResponseMode::Query);
    }
    if external.scheme() != Scheme::Https {
        let problem = "`form_post` needs cookies with `SameSite=None`, which browsers accept over https only";
        reader.fault(&written.location, problem, "write an https URL in `external_host`, or remove it");
        return None;
    }
    let below = redirect_uri?.path().strip_prefix(external.path()).and_then(|path| prefixes.below(path));
    if below.is_none_or(|below| !endpoints::is_callback(below)) {
        let problem = "with `form_post` the path of `redirect_uri` must be that of the callback";
        let help = format!("end it with {}{RESERVED_PREFIX}callback", external.path());
        reader.fault(&written.location, problem, help);
        return None;
    }
    Some(ResponseMode::FormPost)
}
