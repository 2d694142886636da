//! The main provider: npm oidc-provider, with the script of the demo.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::process::Process;
use super::tools;

pub(crate) struct Provider {
    process: Process,
}

/// The setup of a provider.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, set by name")]
pub(crate) struct ProviderSettings {
    pub(crate) port: u16,
    /// Whether it runs at all, in sites behind front proxies with forward auth over HTTP.
    pub(crate) is_up: bool,
    pub(crate) clients: Vec<Value>,
    pub(crate) end_session: bool,
    pub(crate) token_delay_ms: u64,
    /// Whether it prints the tokens that it issues, so that a test can search for them elsewhere.
    pub(crate) print_tokens: bool,
    /// Further claims by user: `{ "alice": { … } }`.
    pub(crate) claims: Value,
    /// Users who may sign in programs, and their app passwords.
    pub(crate) app_passwords: Vec<(&'static str, &'static str)>,
    /// The audience of its access tokens, which are signed then.
    pub(crate) audience: Option<&'static str>,
    /// The authentication context class that a client gets which asks for it.
    pub(crate) acr: Option<&'static str>,
    /// Whether it issues refresh tokens, each valid once.
    pub(crate) refresh_tokens: bool,
    /// The lifetime of access and ID tokens.
    pub(crate) token_seconds: Option<u64>,
    /// A file that it reads for each token, with changes of the users' claims since its start.
    pub(crate) claims_file: Option<PathBuf>,
    /// A second port, for clients with certificates.
    pub(crate) mtls: Option<MutualTls>,
}

/// A port for clients with certificates; all texts are PEM.
#[derive(Clone, Debug)]
pub(crate) struct MutualTls {
    pub(crate) port: u16,
    pub(crate) certificate: String,
    pub(crate) private_key: String,
    /// The authority that vouches for clients.
    pub(crate) client_ca: String,
}

impl ProviderSettings {
    pub(crate) fn on(port: u16) -> Self {
        Self {
            port,
            is_up: true,
            clients: Vec::new(),
            end_session: true,
            token_delay_ms: 0,
            print_tokens: false,
            claims: json!({}),
            app_passwords: Vec::new(),
            audience: None,
            acr: None,
            refresh_tokens: false,
            token_seconds: None,
            claims_file: None,
            mtls: None,
        }
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Provider {
    pub(crate) fn start(settings: &ProviderSettings) -> Self {
        tools::fetched("node_modules/oidc-provider/package.json");
        let app_passwords: HashMap<_, _> = settings.app_passwords.iter().copied().collect();
        let mut argument = json!({
            "port": settings.port,
            "clients": settings.clients,
            "endSession": settings.end_session,
            "tokenDelayMs": settings.token_delay_ms,
            "printTokens": settings.print_tokens,
            "claims": settings.claims,
            "appPasswords": app_passwords,
            "audience": settings.audience,
            "acr": settings.acr,
            "refreshTokens": settings.refresh_tokens,
        });
        if let Some(seconds) = settings.token_seconds {
            argument["tokenSeconds"] = seconds.into();
        }
        if let Some(file) = &settings.claims_file {
            argument["claimsFile"] = file.display().to_string().into();
        }
        if let Some(MutualTls { port, certificate, private_key, client_ca }) = &settings.mtls {
            argument["mtls"] = json!({ "port": port, "cert": certificate, "key": private_key, "ca": client_ca });
        }
        let script = tools::root().join("envoy/demo/provider.mjs");
        let process = Process::start("provider", Command::new("node").arg(script).arg(argument.to_string()));
        let issuer = process.out.find(|line| line.strip_prefix("provider ready ").map(str::to_owned));
        let issuer = issuer.unwrap_or_else(|| panic!("no provider\n{}", process.last_words()));
        assert_eq!(issuer, settings.issuer());
        Self { process }
    }

    /// From now on it accepts connections and answers nothing.
    pub(crate) fn pause(&self) {
        self.process.pause();
    }

    /// Whether a token request has arrived (only with `token_delay_ms`, which delays its answer).
    pub(crate) fn has_token_request(&self) -> bool {
        self.process.out.text().lines().any(|line| line == "token request")
    }

    /// The number of refresh tokens that it has accepted. It waits for `at_least` so many, because what the provider prints is read
    /// concurrently.
    pub(crate) fn refreshes(&self, at_least: usize) -> usize {
        self.printed("refreshed ", at_least).len()
    }

    /// The number of token requests (only with `token_delay_ms`).
    pub(crate) fn token_requests(&self) -> usize {
        self.process.out.text().lines().filter(|line| *line == "token request").count()
    }

    /// The tokens that it has issued so far (only with `print_tokens`), at least so many.
    pub(crate) fn tokens(&self, at_least: usize) -> Vec<String> {
        self.printed("token ", at_least)
    }

    /// The rest of each line that begins with `prefix`, after `at_least` so many were printed.
    fn printed(&self, prefix: &str, at_least: usize) -> Vec<String> {
        let mut count = 0;
        if at_least > 0 {
            self.process.out.find(|line| {
                count += usize::from(line.starts_with(prefix));
                (count >= at_least).then_some(())
            });
        }
        self.process.out.text().lines().filter_map(|line| line.strip_prefix(prefix)).map(str::to_owned).collect()
    }
}
