//! The main provider: npm oidc-provider, the very script of the demo.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::process::Process;
use super::tools;

pub(crate) struct Provider {
    process: Process,
}

/// How a provider is set up.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, set by name")]
pub(crate) struct ProviderSettings {
    pub(crate) port: u16,
    /// Whether it is there at all, behind front proxies that ask over HTTP.
    pub(crate) is_up: bool,
    pub(crate) clients: Vec<Value>,
    pub(crate) end_session: bool,
    pub(crate) token_delay_ms: u64,
    /// Whether it prints the tokens it hands out, so that a test can look for them elsewhere.
    pub(crate) print_tokens: bool,
    /// Further claims by user: `{ "alice": { … } }`.
    pub(crate) claims: Value,
    /// Users who may sign in programs, and their app passwords.
    pub(crate) app_passwords: Vec<(&'static str, &'static str)>,
    /// Whom its access tokens are for; they are signed ones then.
    pub(crate) audience: Option<&'static str>,
    /// Whether it hands out refresh tokens, each good once.
    pub(crate) refresh_tokens: bool,
    /// How long access and ID tokens last.
    pub(crate) token_seconds: Option<u64>,
    /// A file that it reads for each token: what of the users' claims has changed since it began.
    pub(crate) claims_file: Option<PathBuf>,
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
            refresh_tokens: false,
            token_seconds: None,
            claims_file: None,
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
            "refreshTokens": settings.refresh_tokens,
        });
        if let Some(seconds) = settings.token_seconds {
            argument["tokenSeconds"] = seconds.into();
        }
        if let Some(file) = &settings.claims_file {
            argument["claimsFile"] = file.display().to_string().into();
        }
        let script = tools::root().join("envoy/demo/provider.mjs");
        let process = Process::start("provider", Command::new("node").arg(script).arg(argument.to_string()));
        let issuer = process.out.find(|line| line.strip_prefix("provider ready ").map(str::to_owned));
        let issuer = issuer.unwrap_or_else(|| panic!("no provider\n{}", process.last_words()));
        assert_eq!(issuer, settings.issuer());
        Self { process }
    }

    /// From now on it takes connections and answers nothing.
    pub(crate) fn pause(&self) {
        self.process.pause();
    }

    /// Whether somebody asked for tokens (only with `token_delay_ms`, which makes that last).
    pub(crate) fn has_token_request(&self) -> bool {
        self.process.out.text().lines().any(|line| line == "token request")
    }

    /// How often it took a refresh token.
    pub(crate) fn refreshes(&self) -> usize {
        self.process.out.text().lines().filter(|line| line.starts_with("refreshed ")).count()
    }

    /// How often somebody asked for tokens (only with `token_delay_ms`).
    pub(crate) fn token_requests(&self) -> usize {
        self.process.out.text().lines().filter(|line| *line == "token request").count()
    }

    /// The tokens it handed out so far (only with `print_tokens`).
    pub(crate) fn tokens(&self) -> Vec<String> {
        let text = self.process.out.text();
        text.lines().filter_map(|line| line.strip_prefix("token ")).map(str::to_owned).collect()
    }
}
