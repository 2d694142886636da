//! Every key of the configuration file, declared once. These comments are what the reference and editors show.

use std::path::PathBuf;

use secrecy::SecretString;

use super::reader::At;
use super::section::section;
use super::value::{Address, Choice, Count, HeaderSets, MaybeAddress, Patterns, Pause, Scalar, Size, Span, Validity};
use crate::domain::application::{ClientAuthentication, SigningAlgorithm};
use crate::domain::credentials::TokenType;

type Texts = Vec<At<String>>;
type Algorithms = Vec<At<SigningAlgorithm>>;
type Secrets = Vec<At<SecretString>>;
type Paths = Vec<At<PathBuf>>;
type Applications = Vec<At<Application>>;
type AccessRules = Vec<At<AccessRule>>;
type ClaimConditions = Vec<At<ClaimCondition>>;
type Scalars = Vec<At<Scalar>>;
type ClaimHeaders = Vec<At<ClaimHeader>>;

section! {
    /// The whole file.
    pub(super) struct File {
        /// What is protected: at least one application.
        applications: required Applications,
        /// Where Gatepost listens. A port alone means all interfaces (IPv4); port 0 takes a free one.
        listen: Listen = "{}",
        /// The certificate of `listen.https`. Unless given, Gatepost signs one for itself at every start.
        tls: Tls = "{}",
        /// How long sessions last, and where they are kept.
        session: Session = "{}",
        /// This Gatepost itself.
        outpost: Outpost = "{}",
        /// What is logged; always to stderr.
        log: Log = "{}",
        /// How identity providers are spoken to.
        provider: Provider = "{}",
        /// What nobody may exceed. The defaults withstand the attacks known; change one only when a log line names it.
        limits: Limits = "{}",
        /// How Gatepost stops.
        shutdown: Shutdown = "{}",
    }
}

section! {
    /// One protected application.
    pub(super) struct Application {
        /// Display name.
        name: required String,
        /// Short name, sent as `X-authentik-meta-app`; unique. Unless given: `name` in lower case with `-` for everything
        /// but letters and digits.
        slug: optional String,
        /// The address by which browsers know the application, `https://host[:port][/path]`. Plain http only for loopback
        /// addresses and names under `localhost`.
        external_host: required String,
        /// `forward_single` guards one application under its own host. `forward_domain` guards every host of
        /// `cookie_domain`, with one sign-in for all, and `external_host` is where sign-ins end. `proxy` is `forward_single`
        /// behind an Envoy that passes each request on to the backend that Gatepost names, as `envoy/proxy-mode` sets it up.
        mode: Mode = "forward_single",
        /// The parent domain in mode `forward_domain`; `external_host` lies in it.
        cookie_domain: optional String,
        /// The backend in mode `proxy`, `http://host[:port]` or `https://host[:port]`.
        internal_host: optional String,
        /// Whether https backends have to show a certificate for their name from an authority that Envoy trusts. Unless given:
        /// `true`.
        internal_host_ssl_validation: optional bool,
        /// Which backends the claim `ak_proxy.backend_override` may name in mode `proxy` beside `internal_host`: hosts
        /// (`wiki.internal`, `wiki.internal:8443`), suffixes of names (`.apps.internal`), networks (`10.0.0.0/8`). A network lists
        /// no name. Loopback and link-local addresses count only by a network that lies in their range, or listed
        /// themselves. Unless given: none, and the claim has no effect.
        backend_allow: optional Texts,
        /// Issuer identifier, byte for byte as the provider's discovery document names it. Plain http only for loopback.
        issuer: required String,
        /// Client identifier at the provider.
        client_id: required String,
        /// Client secret. Give it here, best as `${VARIABLE}`, or in `client_secret_file`.
        client_secret: optional SecretString,
        /// A file that holds the client secret; final line ends are cut off.
        client_secret_file: optional PathBuf,
        /// How client id and secret travel to the token endpoint. Basic form-encodes both first (RFC 6749 section 2.3.1), which some
        /// providers do not undo: with those, and a secret of more than letters and digits, take `client_secret_post`.
        token_endpoint_auth_method: ClientAuthentication = "client_secret_basic",
        /// The one algorithm that ID Tokens may be signed with.
        id_token_signed_response_alg: SigningAlgorithm = "RS256",
        /// Scopes to ask for; `openid` has to be among them.
        scopes: Texts = "[openid, profile, email]",
        /// What nobody has to sign in for: regular expressions, matched anywhere unless `^` anchors them, against the
        /// path; in mode `forward_domain` against the URL without query.
        skip_path_regex: Patterns = "[]",
        /// Who may pass of those who signed in. Unless given: everybody. A rule means `anyone`, or users whom every key that it
        /// gives fits, each by one of its values. A request passes by one whole rule. The rules with the longest of `paths` that
        /// covers it decide alone; a rule without `paths` counts where no other does. Who may not pass gets a 403 that names the
        /// user and offers to sign out.
        allow: filled AccessRules,
        /// How long a sign-in is good for. Unless given: as long as the ID Token says.
        access_token_validity: optional Validity,
        /// Where the provider sends the browser after a sign-in. Unless given:
        /// `{external_host}/outpost.goauthentik.io/callback?X-authentik-auth-callback=true`.
        redirect_uri: optional String,
        /// Where the provider sends the browser after a sign-out. Unless given:
        /// `{external_host}/outpost.goauthentik.io/sign_out`.
        post_logout_redirect_uri: optional String,
        /// Whether the application gets `X-authentik-jwt` and `X-authentik-meta-jwks`.
        jwt_headers: bool = "false",
        /// Sent as `X-authentik-meta-provider`. Unless given: `name`.
        provider_name: optional String,
        /// Whether CORS preflights pass without a sign-in, with every identity header removed.
        pass_preflight: bool = "false",
        /// Whether `bearer` and `basic` are in force. With `false` the `Authorization` header is never looked at and passes to the
        /// application as it came. (In authentik this switch only decides what unusable credentials are answered with: 401 or
        /// the way to the sign-in. Here they are answered with 401.)
        intercept_header_auth: bool = "true",
        /// Accepts `Authorization: Bearer` instead of a session. Unless given, such a header is left alone.
        bearer: optional Bearer,
        /// Accepts `Authorization: Basic` with a user name and an app password, which are tried at the provider as authentik has
        /// it: the client-credentials grant without a client secret, answered with an ID Token. `basic: {}` takes the
        /// defaults; unless given, such a header is left alone. A password for the user `goauthentik.io/token` is taken for a
        /// bearer token where `bearer` is given.
        basic: optional Basic,
        /// Which identity headers are sent. `legacy` is what authentik sent until 2022: `X-Auth-Username`, `X-Auth-Groups`,
        /// `X-Forwarded-Email`, `X-Forwarded-Preferred-Username`, `X-Forwarded-User`. Whatever is chosen, no client's
        /// `X-authentik-*` passes.
        headers: HeaderSets = "authentik",
        /// Headers of your own, from any claim. One that a set has, too, is redefined.
        claim_headers: ClaimHeaders = "[]",
        /// Headers that stand in a claim as an object of names and values, as authentik's `additionalHeaders`. Names of
        /// identity headers, `X-Forwarded-*` and what belongs to the message or the connection are never set; what is left out
        /// is logged at the sign-in.
        additional_headers: AdditionalHeaders = "{}",
        /// Whether the application gets `Authorization: Basic` from attributes of the user (`ak_proxy.user_attributes`), in place
        /// of whatever the client sent. A user without a password gets none, and the client's own header stays.
        basic_auth_enabled: bool = "false",
        /// The attribute with the user name. Where the user has none: `email`.
        basic_auth_user_attribute: optional String,
        /// The attribute with the password.
        basic_auth_password_attribute: optional String,
    }
}

section! {
    /// Bearer tokens. Who presents a valid one is let through as its user, without a session and without a cookie; who presents
    /// an invalid one gets 401. A verdict is remembered for a minute at most, and never beyond the token's own end.
    /// Asking the provider takes as long as `limits.grpc.callback_deadline` and Envoy's own timeout of the check allow (2 s in the
    /// files that come with Gatepost); an answer that comes later serves the next request.
    pub(super) struct Bearer {
        /// `jwt`: signed access tokens (RFC 9068) are verified here with the provider's keys; what they do not say about the user
        /// stays unknown. `introspection`: the provider is asked (RFC 7662), and for missing claims its UserInfo, when the token has
        /// the scope `openid`.
        verify: required BearerCheck,
        /// What the token's `aud` has to name. Required with `jwt`.
        audience: optional String,
        /// With `introspection`, in place of `audience`: the clients whose tokens count, by `client_id` or `aud`. The provider
        /// calls tokens of all its applications active, so name those that may act here. Unless given: this application's own
        /// `client_id`.
        clients: optional Texts,
        /// With `jwt`: the algorithms that may have signed it, all of public keys. Unless given: RS256.
        algorithms: optional Algorithms,
        /// With `jwt`: the type that its header names. `at+jwt` is the profile of RFC 9068. `JWT` is what authentik and Keycloak
        /// write; a token with `nonce`, `at_hash`, `c_hash` or `events`, or with another `typ` claim than `Bearer`, is then
        /// refused as an ID or logout token (for access tokens that have one, take `introspection`). Unless given: `at+jwt`.
        token_type: optional TokenType,
        /// Scopes that the token must have, all of them.
        scopes: Texts = "[]",
        /// Whether the application gets to see a token that was used.
        pass_on: bool = "false",
    }
}

section! {
    /// A header from a claim.
    pub(super) struct ClaimHeader {
        /// The header's name. From then on it is Gatepost's: no client's reaches the application, in no spelling.
        header: required String,
        /// The claim with the value: dotted names (`team.name`), or a JSON Pointer where it begins with `/`
        /// (`/https:~1~1example.com~1roles`), for names that hold dots or slashes. Text is sent as it is, numbers and booleans as
        /// JSON has them, lists joined; objects are not sent.
        claim: optional String,
        /// The sign between the items of a list; an item that holds it is left out. Unless given: `|`.
        separator: optional String,
        /// The same text for everybody, in place of `claim`. No place for secrets.
        text: optional String,
    }
}

section! {
    /// User names and app passwords. As with `bearer`: no session, no cookie, 401 for those that are not valid, and verdicts that
    /// are remembered for a minute at most.
    pub(super) struct Basic {
        /// Scopes to ask for; `openid` has to be among them. Unless given: the application's `scopes`.
        scopes: optional Texts,
        /// Whether the application gets to see user name and password that were used.
        pass_on: bool = "false",
    }
}

section! {
    /// One rule: whom it means, by `anyone` or by at least one of the other four, and where. Of each key at least one value
    /// has to fit, and every key that is given.
    pub(super) struct AccessRule {
        /// Names in the claim `groups`, byte for byte.
        groups: filled Texts,
        /// Addresses in the claim `email`, which counts only when `email_verified` is true (a boolean). The domain compares
        /// without case, what stands before it byte for byte. For a provider that verifies nothing, name `email` in `claims`.
        emails: filled Texts,
        /// Domains of such addresses, without those below them.
        email_domains: filled Texts,
        /// Any other claims; every one that is listed has to fit.
        claims: filled ClaimConditions,
        /// Every signed-in user.
        anyone: bool = "false",
        /// Where the rule counts, instead of rules with shorter paths: each path is itself and what lies below it, in mode
        /// `forward_domain` on every host. It protects in any spelling and case, and lets pass only as it is written here,
        /// so never with an escaped `/` or `\`.
        paths: filled Texts,
        /// Methods that the rule lets pass, in capitals; `HEAD` is not `GET`. Unless given: all.
        methods: filled Texts,
    }
}

section! {
    /// One condition on a claim.
    pub(super) struct ClaimCondition {
        /// Its name; a path of dotted names (`team.name`), or a JSON Pointer (RFC 6901) when it begins with `/`.
        claim: required String,
        /// Values of which it has to have one; of a list any item. Numbers and booleans compare as JSON writes them.
        values: required Scalars,
    }
}

section! {
    /// Headers that stand in a claim.
    pub(super) struct AdditionalHeaders {
        /// Whether they are sent.
        enabled: bool = "true",
        /// The claim that holds them, written as in `claim_headers`. Unless given: `ak_proxy.user_attributes.additionalHeaders`.
        /// Lists are joined with `|`.
        claim: optional String,
        /// Names that such headers have. List every one that the application trusts: only these are removed from requests of
        /// users who have no such header, and from public requests.
        names: Texts = "[]",
    }
}

section! {
    /// Listeners.
    pub(super) struct Listen {
        /// Envoy's `ext_authz`, health and reflection, over gRPC.
        grpc: Address = "9001",
        /// The browser's own visits, over HTTP.
        http: MaybeAddress = "9000",
        /// The same over HTTPS.
        https: MaybeAddress = "9443",
        /// Probes and Prometheus metrics; never open this to browsers.
        metrics: Address = "9300",
    }
}

section! {
    /// Certificate.
    pub(super) struct Tls {
        /// Certificate chain as PEM, the server's own first.
        certificate_file: optional PathBuf,
        /// Private key as PEM.
        private_key_file: optional PathBuf,
    }
}

section! {
    /// Sessions.
    pub(super) struct Session {
        /// `file` keeps sessions over a restart, `memory` does not.
        store: Store = "file",
        /// The file of store `file`, relative to the working directory. Unless given: `sessions.redb` in
        /// `$STATE_DIRECTORY` where systemd sets one, else `gatepost-sessions.redb`.
        path: optional PathBuf,
        /// The key that seals sessions and sign-in attempts: base64 of 32 random bytes. Unless given, one is made on first
        /// start and kept beside the store.
        sealing_key: optional SecretString,
        /// A file that holds the sealing key.
        sealing_key_file: optional PathBuf,
        /// Keys that still open what they once sealed, so that the sealing key can be changed without signing anybody out.
        previous_sealing_keys: Secrets = "[]",
        /// Files that each hold such a key.
        previous_sealing_keys_files: Paths = "[]",
        /// How long a session lasts at most, from the sign-in on.
        absolute_lifetime: Span = "24h",
        /// How long a session lasts without being used.
        idle_lifetime: Span = "4h",
    }
}

section! {
    /// Outpost.
    pub(super) struct Outpost {
        /// Sent as `X-authentik-meta-outpost`.
        name: String = "gatepost",
    }
}

section! {
    /// Logs.
    pub(super) struct Log {
        /// `error`, `warn`, `info`, `debug`, `trace` or `off`; also per part, as in `info,gatepost::outbound=debug`.
        level: String = "info",
        /// One JSON object per line, or text for people.
        format: Format = "json",
    }
}

section! {
    /// Outbound HTTP to identity providers.
    pub(super) struct Provider {
        /// Certificates (PEM) of authorities to trust beside the public ones.
        ca_file: optional PathBuf,
        /// How long a provider may take for an answer.
        timeout: Span = "5s",
        /// How long connecting may take, name resolution included.
        connect_timeout: Span = "2s",
        /// How often metadata and keys are fetched anew.
        refresh_interval: Span = "5m",
    }
}

section! {
    /// Limits.
    pub(super) struct Limits {
        /// The gRPC listener.
        grpc: GrpcLimits = "{}",
        /// The HTTP and HTTPS listeners.
        http: HttpLimits = "{}",
        /// Connections of every listener.
        connections: ConnectionLimits = "{}",
        /// Everything that is told about one user in headers. Whoever has more is refused at the sign-in. Envoy lets 60 KiB and
        /// 100 headers pass, the browser's own among them; many applications take less.
        identity_headers: IdentityHeaderLimits = "{}",
    }
}

section! {
    /// HTTP/2 and calls.
    pub(super) struct GrpcLimits {
        /// Checks at a time on one connection. Unless given: 1000 when `listen.grpc` is a loopback address, where only Envoy
        /// asks, else 128.
        max_concurrent_streams: optional Count,
        /// Streams that a connection may make us reset before it is closed. Lower it to 64 where others than a local Envoy
        /// can connect.
        max_local_error_reset_streams: Count = "1024",
        /// Streams that a peer may reset before we took them up, before the connection is closed.
        max_pending_accept_reset_streams: Count = "20",
        /// Headers of one request.
        max_header_list_size: Size = "16 KiB",
        /// Flow-control window of one stream.
        stream_window: Size = "64 KiB",
        /// Flow-control window of one connection.
        connection_window: Size = "1 MiB",
        /// One message.
        max_message_size: Size = "1 MiB",
        /// How often a silent connection is pinged.
        keepalive_interval: Span = "30s",
        /// How long the answer to a ping may take.
        keepalive_timeout: Span = "10s",
        /// Age at which a connection is asked to go, more or less by chance.
        max_connection_age: Span = "30m",
        /// How long it may finish what it began.
        max_connection_age_grace: Span = "30s",
        /// How long a peer may take to begin, and to take what is sent to it.
        patience: Span = "5s",
        /// How long a check may take.
        check_deadline: Span = "1s",
        /// How long a check may take that asks the provider: one that redeems a code or judges a credential.
        callback_deadline: Span = "5s",
        /// Checks at a time; more are turned away at once.
        max_concurrent_checks: Count = "1024",
    }
}

section! {
    /// HTTP/1 and HTTP/2 of browsers.
    pub(super) struct HttpLimits {
        /// How long a request's head may take to arrive.
        head_timeout: Span = "5s",
        /// How long a request's body may take to arrive.
        body_timeout: Span = "10s",
        /// How long a request may take altogether.
        request_timeout: Span = "30s",
        /// How long a connection may be silent between requests.
        idle_timeout: Span = "15s",
        /// Header lines of one request.
        max_headers: Count = "64",
        /// One request's head.
        max_head_size: Size = "32 KiB",
        /// One request's body.
        max_body_size: Size = "64 KiB",
    }
}

section! {
    /// Connections.
    pub(super) struct ConnectionLimits {
        /// Open at a time on one listener.
        total: Count = "1024",
        /// Open at a time from one address.
        per_source: Count = "64",
    }
}

section! {
    /// Headers that tell of a user.
    pub(super) struct IdentityHeaderLimits {
        /// Names and values together.
        max_size: Size = "32 KiB",
        /// How many there may be.
        max_count: Count = "60",
    }
}

section! {
    /// Stopping.
    pub(super) struct Shutdown {
        /// How long requests are still taken after SIGTERM while health says no, so that Envoy can turn away.
        delay: Pause = "5s",
        /// How long running requests may take after that.
        grace: Pause = "25s",
    }
}

/// [`crate::domain::application::Mode`] without what belongs to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    ForwardSingle,
    ForwardDomain,
    Proxy,
}

impl Choice for Mode {
    const CHOICES: &'static [(Self, &'static str)] =
        &[(Self::ForwardSingle, "forward_single"), (Self::ForwardDomain, "forward_domain"), (Self::Proxy, "proxy")];
}

/// [`crate::domain::credentials::BearerCheck`] without what belongs to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BearerCheck {
    Jwt,
    Introspection,
}

impl Choice for BearerCheck {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::Jwt, "jwt"), (Self::Introspection, "introspection")];
}

impl Choice for TokenType {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::AccessToken, "at+jwt"), (Self::Jwt, "JWT")];
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    File,
    Memory,
}

impl Choice for Store {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::File, "file"), (Self::Memory, "memory")];
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Text,
}

impl Choice for Format {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::Json, "json"), (Self::Text, "text")];
}

impl Choice for ClientAuthentication {
    const CHOICES: &'static [(Self, &'static str)] =
        &[(Self::ClientSecretBasic, "client_secret_basic"), (Self::ClientSecretPost, "client_secret_post")];
}

impl Choice for SigningAlgorithm {
    const CHOICES: &'static [(Self, &'static str)] = &Self::ALL;
}
