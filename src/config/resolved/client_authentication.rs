//! Client authentication: the method, and the secret, key, assertion or certificate that it needs. A key that the method does not
//! use is a fault, because its owner would believe in it.

use std::io::ErrorKind;
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::diagnostic::Location;
use crate::config::raw::{Application, AuthMethod};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::config::secret_file;
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::client_authentication::{
    AssertionKey, ClientAssertion, ClientAuthentication, ClientCertificate, SecretPem,
};
use crate::outbound::provider::{CertificateFault, check_assertion_key, check_client_certificate};

/// How a client authenticates, and its secret.
pub(super) struct Client {
    pub(super) authentication: ClientAuthentication,
    pub(super) secret: Option<SecretString>,
}

pub(super) fn client_authentication(
    written: &Application,
    location: &Location,
    reader: &mut Reader<'_>,
) -> Option<Client> {
    let sound = refuse_unused(written, reader);
    let secret = secret(written, location, reader);
    let authentication = match written.token_endpoint_auth_method.value {
        AuthMethod::ClientSecretBasic => Some(ClientAuthentication::ClientSecretBasic),
        AuthMethod::ClientSecretPost => Some(ClientAuthentication::ClientSecretPost),
        AuthMethod::None => Some(ClientAuthentication::None),
        AuthMethod::PrivateKeyJwt => assertion(written, reader).map(ClientAuthentication::PrivateKeyJwt),
        AuthMethod::TlsClientAuth => certificate(written, reader).map(ClientAuthentication::TlsClientAuth),
    };
    let (secret, authentication) = (secret?, authentication?);
    sound.then_some(Client { authentication, secret })
}

/// Whether every key that is written has an effect with the method.
fn refuse_unused(written: &Application, reader: &mut Reader<'_>) -> bool {
    use AuthMethod::{ClientSecretBasic, ClientSecretPost, None, PrivateKeyJwt, TlsClientAuth};
    let method = written.token_endpoint_auth_method.value;
    let signs = method == PrivateKeyJwt && written.client_assertion_file.is_absent();
    let sends_secret = matches!(method, ClientSecretBasic | ClientSecretPost);
    let uses_secret = sends_secret || (method != None && is_key_of_id_tokens(written));
    let keys = [
        (location(&written.client_secret), uses_secret),
        (location(&written.client_secret_file), uses_secret),
        (location(&written.client_key_file), signs || method == TlsClientAuth),
        (location(&written.client_key_id), signs),
        (location(&written.client_assertion_alg), signs),
        (location(&written.client_assertion_audience), signs),
        (location(&written.client_assertion_file), method == PrivateKeyJwt),
        (location(&written.client_certificate_file), method == TlsClientAuth),
    ];
    let mut sound = true;
    for (location, has_effect) in keys {
        if let (Some(location), false) = (location, has_effect) {
            let problem = if method == PrivateKeyJwt && !signs {
                "it has no effect beside `client_assertion_file`"
            } else {
                "it has no effect with this `token_endpoint_auth_method`"
            };
            reader.fault(location, problem, "remove it, or choose the method that uses it");
            sound = false;
        }
    }
    sound
}

fn location<T>(setting: &Setting<T>) -> Option<&Location> {
    setting.given().map(|given| &given.location)
}

const fn is_key_of_id_tokens(written: &Application) -> bool {
    hash_length(written.id_token_signed_response_alg.value) > 0
}

/// The secret where one is used; the outer `None` says that there were diagnostics.
#[expect(
    clippy::option_option,
    reason = "the outer `None` is a setting that could not be read, the inner one a client without a secret"
)]
fn secret(written: &Application, location: &Location, reader: &mut Reader<'_>) -> Option<Option<SecretString>> {
    let (algorithm, method) = (&written.id_token_signed_response_alg, written.token_endpoint_auth_method.value);
    if method == AuthMethod::None && is_key_of_id_tokens(written) {
        let problem = "a public client has no secret to verify such a signature with";
        reader.fault(&algorithm.location, problem, "configure RS256 at the provider, or another client authentication");
        return None;
    }
    if written.client_secret.is_absent() && written.client_secret_file.is_absent() {
        if !matches!(method, AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost)
            && !is_key_of_id_tokens(written)
        {
            return Some(None);
        }
        let location = location.inside("client_secret");
        let help = "add `client_secret: ${VARIABLE}` or `client_secret_file`";
        reader.fault(&location, "there is no client secret", help);
        return None;
    }
    let Spanned { location, value } = secret_file::either(&written.client_secret, &written.client_secret_file, reader)?;
    let needed = hash_length(algorithm.value);
    if value.expose_secret().len() < needed {
        let problem = format!("the client secret is shorter than the {needed} bytes that the HS algorithm needs");
        let help = "use a longer secret, or configure RS256 at the provider";
        reader.fault(&location, problem, help);
        return None;
    }
    Some(Some(value))
}

/// The minimum length of a secret for a keyed hash, in bytes (RFC 7518 section 3.2); 0 for signatures.
const fn hash_length(algorithm: SigningAlgorithm) -> usize {
    use SigningAlgorithm::{ES256, ES384, ES512, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};
    match algorithm {
        HS256 => 32,
        HS384 => 48,
        HS512 => 64,
        RS256 | RS384 | RS512 | PS256 | PS384 | PS512 | ES256 | ES384 | ES512 | EdDSA => 0,
    }
}

fn assertion(written: &Application, reader: &mut Reader<'_>) -> Option<ClientAssertion> {
    match (&written.client_assertion_file, &written.client_key_file) {
        (Setting::Given(file), _) => assertion_file(file, reader).map(ClientAssertion::File),
        (Setting::Absent, Setting::Given(file)) => assertion_key(written, file, reader).map(ClientAssertion::Signed),
        (Setting::Absent, Setting::Absent) => {
            let location = &written.token_endpoint_auth_method.location;
            let problem = "`private_key_jwt` needs a key or an assertion";
            reader.fault(location, problem, "add `client_key_file` or `client_assertion_file`");
            None
        }
        (Setting::Faulty, _) | (_, Setting::Faulty) => None,
    }
}

/// The file is read for each request, so a platform may write it after the start.
fn assertion_file(file: &Spanned<PathBuf>, reader: &mut Reader<'_>) -> Option<PathBuf> {
    // The log names the file: a value that is the assertion itself must not get there.
    if file.value.to_str().is_some_and(|text| text.starts_with("eyJ") && text.split('.').count() == 3) {
        reader.fault(&file.location, "it is an assertion, not the path of a file", "write the assertion into a file");
        return None;
    }
    let path = reader.resolve(&file.value);
    let problem = match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => return Some(path),
        Ok(_) => "is not a regular file".to_owned(),
        Err(fault) if fault.kind() == ErrorKind::NotFound => "does not exist yet".to_owned(),
        Err(fault) => format!("cannot be read ({})", fault.kind()),
    };
    let problem = format!("{} {problem}", reader.shown(file));
    reader.warn(&file.location, problem, "sign-ins get 503 until the platform writes it");
    Some(path)
}

fn assertion_key(written: &Application, file: &Spanned<PathBuf>, reader: &mut Reader<'_>) -> Option<AssertionKey> {
    let pem = secret_file::bytes(file, reader)?;
    let settings = [
        matches!(written.client_key_id, Setting::Faulty),
        matches!(written.client_assertion_alg, Setting::Faulty),
        matches!(written.client_assertion_audience, Setting::Faulty),
    ];
    if settings.contains(&true) {
        return None;
    }
    let key = AssertionKey {
        private_key: SecretPem::new(&pem),
        algorithm: written.client_assertion_alg.given().map_or(SigningAlgorithm::RS256, |given| given.value.0),
        key_id: written.client_key_id.given().map(|given| given.value.clone()),
        audience: written.client_assertion_audience.given().map(|given| given.value).unwrap_or_default(),
    };
    match check_assertion_key(&key) {
        Ok(()) => Some(key),
        Err(fault) => {
            let problem = format!("{}: {fault}", reader.shown(file));
            reader.fault(&file.location, problem, "give a key for `client_assertion_alg`");
            None
        }
    }
}

fn certificate(written: &Application, reader: &mut Reader<'_>) -> Option<ClientCertificate> {
    let (chain, key) = match (&written.client_certificate_file, &written.client_key_file) {
        (Setting::Given(chain), Setting::Given(key)) => (chain, key),
        (Setting::Faulty, _) | (_, Setting::Faulty) => return None,
        (Setting::Absent, _) | (_, Setting::Absent) => {
            let location = &written.token_endpoint_auth_method.location;
            let problem = "`tls_client_auth` needs a certificate and its private key";
            reader.fault(location, problem, "add `client_certificate_file` and `client_key_file`");
            return None;
        }
    };
    let contents = (secret_file::bytes(chain, reader), secret_file::bytes(key, reader));
    let certificate = ClientCertificate { chain: contents.0?.to_vec(), private_key: SecretPem::new(&contents.1?) };
    match check_client_certificate(&certificate) {
        Ok(()) => Some(certificate),
        Err(fault) => {
            let file = if matches!(fault, CertificateFault::NoKey) { key } else { chain };
            let problem = format!("{}: {fault}", reader.shown(file));
            reader.fault(&file.location, problem, "give a PEM certificate chain and its own private key");
            None
        }
    }
}
