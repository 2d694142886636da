//! The configuration of Gatepost in a test, and the clients that the provider needs for it.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Value, json};

/// Whether every application signs in by itself, or one entry covers a parent domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Single,
    Domain,
}

impl Mode {
    pub(crate) const BOTH: [Self; 2] = [Self::Single, Self::Domain];

    /// The prefix of the cookies that this mode sets.
    pub(crate) fn cookie_prefix(self) -> &'static str {
        match self {
            Self::Single => "__Host-gatepost-",
            Self::Domain => "__Secure-gatepost-",
        }
    }

    /// The entries of `applications`: wiki and board, or their parent domain.
    pub(crate) fn entries(self) -> Vec<Entry> {
        match self {
            Self::Single => vec![Entry::single("Wiki", "wiki"), Entry::single("Board", "board")],
            Self::Domain => vec![Entry {
                name: "Demo",
                label: "sign-in",
                settings: "    mode: forward_domain\n    cookie_domain: demo.localhost\n    \
                           skip_path_regex: ['^http://wiki\\.demo\\.localhost(:\\d+)?/public/']\n"
                    .into(),
                place: Place::Demo,
                below: None,
                port: None,
                client: None,
            }],
        }
    }
}

/// One entry of `applications`.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    name: &'static str,
    /// The first label of its host under demo.localhost; also its client id.
    label: &'static str,
    settings: Cow<'static, str>,
    place: Place,
    /// The first label of its host, where that is another one, and its path on this host.
    below: Option<(&'static str, &'static str)>,
    /// The port in its address, where that is another one than the front proxy's.
    port: Option<u16>,
    client: Option<Client>,
}

/// A client that does not authenticate with a secret.
#[derive(Clone, Debug)]
struct Client {
    /// Its settings in place of `client_secret`.
    settings: String,
    /// What the provider knows in place of the secret.
    registration: Value,
}

/// The address at which the browser reaches an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// `http://{label}.demo.localhost` at Envoy's port.
    Demo,
    /// `https://{label}.example.com`, which is not this Envoy's address.
    Https,
    /// `https://{label}.example.com` at Envoy's port.
    HttpsHere,
}

impl Entry {
    pub(crate) fn single(name: &'static str, label: &'static str) -> Self {
        let settings = "    skip_path_regex: [^/public/]\n".into();
        Self { name, label, settings, place: Place::Demo, below: None, port: None, client: None }
    }

    /// The same at a path of another one's host.
    pub(crate) fn below(self, host: &'static str, path: &'static str) -> Self {
        Self { below: Some((host, path)), ..self }
    }

    /// The same at another port than the front proxy's.
    pub(crate) fn at_port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// The slug that Gatepost makes of its name.
    pub(crate) fn slug(&self) -> String {
        self.name.to_lowercase()
    }

    /// With further lines.
    pub(crate) fn with(mut self, lines: &str) -> Self {
        self.settings.to_mut().push_str(lines);
        self
    }

    /// With these settings in place of the secret, for which the provider registers these members.
    pub(crate) fn authenticating(mut self, settings: String, registration: Value) -> Self {
        self.client = Some(Client { settings, registration });
        self
    }

    /// An application in mode `proxy`, with further lines.
    pub(crate) fn proxy(name: &'static str, label: &'static str, lines: &str) -> Self {
        let single = Self::single(name, label);
        Self { settings: format!("    mode: proxy\n{}{lines}", single.settings).into(), ..single }
    }

    /// An application at `https://{label}.example.com`.
    pub(crate) fn https(name: &'static str, label: &'static str) -> Self {
        Self { place: Place::Https, ..Self::single(name, label) }
    }

    /// The same at Envoy's port.
    pub(crate) fn https_here(name: &'static str, label: &'static str) -> Self {
        Self { place: Place::HttpsHere, ..Self::single(name, label) }
    }

    fn external_host(&self, port: u16) -> String {
        let (label, path) = self.below.unwrap_or((self.label, ""));
        let port = self.port.unwrap_or(port);
        match self.place {
            Place::Demo => format!("http://{label}.demo.localhost:{port}{path}"),
            Place::Https => format!("https://{label}.example.com"),
            Place::HttpsHere => format!("https://{label}.example.com:{port}"),
        }
    }

    /// The environment variable that contains its client secret.
    fn secret_name(&self) -> String {
        format!("{}_CLIENT_SECRET", self.name.to_uppercase())
    }

    /// A secret with characters that have to be encoded for HTTP Basic (RFC 6749 section 2.3.1).
    fn secret(&self) -> String {
        format!("{}+secret/of:this%test&=", self.label)
    }

    fn as_yaml(&self, port: u16, issuer: &str, scopes: &str) -> String {
        let (name, label, settings) = (self.name, self.label, &self.settings);
        let host = self.external_host(port);
        let client = match &self.client {
            Some(client) => client.settings.clone(),
            None => format!("    client_secret: ${{{}}}\n", self.secret_name()),
        };
        format!(
            "  - name: {name}\n    external_host: {host}\n    issuer: {issuer}\n    client_id: {label}\n{client}    \
             scopes: [{scopes}]\n{settings}"
        )
    }

    /// The client that the provider needs for it.
    fn as_client(&self, port: u16) -> Value {
        let own = format!("{}/outpost.goauthentik.io", self.external_host(port));
        let mut client = json!({
            "client_id": self.label,
            "redirect_uris": [format!("{own}/callback?X-authentik-auth-callback=true")],
            "post_logout_redirect_uris": [format!("{own}/sign_out")],
        });
        let secret = json!({ "client_secret": self.secret() });
        let how = self.client.as_ref().map_or(&secret, |client| &client.registration);
        for (name, value) in how.as_object().expect("members") {
            client[name] = value.clone();
        }
        client
    }
}

/// The whole configuration file.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) entries: Vec<Entry>,
    /// The scopes of every entry of `applications`.
    pub(crate) scopes: &'static str,
    /// Further lines for every entry of `applications`.
    pub(crate) for_entries: &'static str,
    pub(crate) log_level: &'static str,
    /// Members of `limits.grpc`.
    pub(crate) grpc_limits: &'static str,
    /// Members of `limits.http`.
    pub(crate) http_limits: &'static str,
    /// Further members of `limits`.
    pub(crate) limits: &'static str,
    /// The address of the HTTPS listener, or `off`.
    pub(crate) https: &'static str,
    /// Further sections; `session` and `shutdown` are present already.
    pub(crate) sections: &'static str,
    pub(crate) session: String,
    pub(crate) shutdown: &'static str,
    /// Where the applications come from in place of `entries`: the variables `AUTHENTIK_…` of authentik's outpost.
    pub(crate) authentik: Vec<(&'static str, String)>,
    /// Whether the provider calls every application when one of its sessions ends.
    pub(crate) backchannel_logout: bool,
}

impl Settings {
    pub(crate) fn of(mode: Mode) -> Self {
        Self {
            entries: mode.entries(),
            scopes: "openid, profile, email, groups",
            for_entries: "",
            log_level: "info",
            // A Check, or a body with 200 others, may take long on a machine that is busy with other work.
            grpc_limits: "check_deadline: 30s",
            http_limits: "body_timeout: 120s, request_timeout: 120s",
            limits: "",
            https: "off",
            sections: "",
            session: "{ store: file, path: sessions.db }".to_owned(),
            shutdown: "{ delay: 0s, grace: 5s }",
            authentik: Vec::new(),
            backchannel_logout: false,
        }
    }

    /// The text of gatepost.yaml, for an Envoy at this port.
    pub(crate) fn as_yaml(&self, envoy: u16, grpc: u16, http: u16, issuer: &str) -> String {
        let mut text = String::new();
        let entries = if self.authentik.is_empty() { self.entries.as_slice() } else { &[] };
        if !entries.is_empty() {
            text += "applications:\n";
        }
        for entry in entries {
            text += &entry.as_yaml(envoy, issuer, self.scopes);
            text += self.for_entries;
        }
        let addresses = format!("grpc: 127.0.0.1:{grpc}, http: 127.0.0.1:{http}");
        let listen = format!("{addresses}, https: {}, metrics: 127.0.0.1:0", self.https);
        let _ = writeln!(text, "listen: {{ {listen}, admin: 127.0.0.1:0 }}");
        let _ = writeln!(text, "session: {}\nshutdown: {}", self.session, self.shutdown);
        let (grpc, http) = (self.grpc_limits, self.http_limits);
        let _ = writeln!(text, "limits: {{ grpc: {{ {grpc} }}, http: {{ {http} }}, {} }}", self.limits);
        let _ = writeln!(text, "log: {{ level: {} }}\n{}", self.log_level, self.sections);
        text
    }

    pub(crate) fn clients(&self, envoy: u16) -> Vec<Value> {
        let mut clients: Vec<Value> = self.entries.iter().map(|entry| entry.as_client(envoy)).collect();
        if self.backchannel_logout {
            for (client, entry) in clients.iter_mut().zip(&self.entries) {
                let own = format!("{}/outpost.goauthentik.io", entry.external_host(envoy));
                client["backchannel_logout_uri"] = format!("{own}/backchannel_logout").into();
                client["backchannel_logout_session_required"] = true.into();
            }
        }
        clients
    }

    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let of_entries = self.entries.iter().map(|entry| (entry.secret_name(), entry.secret()));
        let of_authentik = self.authentik.iter().map(|(name, value)| (format!("AUTHENTIK_{name}"), value.clone()));
        of_entries.chain(of_authentik).collect()
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        self.entries.iter().map(Entry::secret).collect()
    }
}
