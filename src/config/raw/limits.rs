//! Limits. The defaults are those of the modules that enforce them.

use crate::config::section::section;
use crate::config::value::Texts as Networks;
use crate::config::value::{
    Count, DurationField, Size, written_count as count, written_networks as networks, written_size as size,
    written_span as span,
};
use crate::domain::http::RequestLimits as Requests;
use crate::domain::policy::identity_headers::Budget;
use crate::inbound::connections::{ConnectionLimits as Permits, FrontProxies};
use crate::inbound::{grpc, side_listener};
use crate::outpost::WaitLimits;

fn grpc() -> grpc::GrpcLimits {
    grpc::GrpcLimits::default()
}

fn http() -> side_listener::HttpLimits {
    side_listener::HttpLimits::default()
}

fn requests() -> Requests {
    Requests::default()
}

fn connections() -> Permits {
    Permits::default()
}

fn front_proxies() -> String {
    networks(&FrontProxies::default().0)
}

fn waits() -> WaitLimits {
    WaitLimits::default()
}

fn identity_headers() -> Budget {
    Budget::default()
}

section! {
    /// Limits.
    struct Limits {
        /// The gRPC listener.
        grpc: GrpcLimits = "{}",
        /// The HTTP and HTTPS listeners.
        http: HttpLimits = "{}",
        /// Requests to applications, as reported by `ext_authz` or forward auth.
        requests: RequestLimits = "{}",
        /// Connections of every listener.
        connections: ConnectionLimits = "{}",
        /// Requests that wait for an identity provider. A request above a limit gets 503 with `Retry-After` at once.
        /// Requests of signed-in users do not wait for a provider, and continue.
        provider: ProviderLimits = "{}",
        /// All identity headers of one user. A user above a limit is refused at the sign-in. Envoy's limits are 60
        /// KiB and 100 headers, including those of the browser; many applications accept less.
        identity_headers: IdentityHeaderLimits = "{}",
    }
}

section! {
    /// The gRPC listener.
    struct GrpcLimits {
        /// Concurrent calls on one connection (`SETTINGS_MAX_CONCURRENT_STREAMS`). Unless given: 1000 if
        /// `listen.grpc` is a loopback address, to which only a local Envoy connects, else 128.
        max_concurrent_streams: optional Count,
        /// Streams of one connection that Gatepost resets because of errors of the peer (CVE-2025-8671); then the
        /// connection is closed. Use 64 where other programs than a local Envoy can connect.
        max_local_error_reset_streams: Count = count(grpc().max_local_error_reset_streams),
        /// Streams of one connection that the peer resets before Gatepost accepts them (CVE-2023-44487); then the
        /// connection is closed.
        max_pending_accept_reset_streams: Count = count(grpc().max_pending_accept_reset_streams),
        /// Size of the header lines of a call. The headers of the checked request are part of the message, not of
        /// these.
        max_header_list_size: Size = size(grpc().max_header_list_bytes as usize),
        /// Flow-control window of one stream.
        stream_window: Size = size(grpc().stream_window_bytes as usize),
        /// Flow-control window of one connection.
        connection_window: Size = size(grpc().connection_window_bytes as usize),
        /// Size of one message, which holds the headers of the checked request, and its body if Envoy sends it.
        max_message_size: Size = size(grpc().max_message_bytes),
        /// Interval of keepalive pings on an idle connection; also how long the peer may leave sent data unread
        /// before the connection is closed.
        keepalive_interval: DurationField = span(grpc().keepalive_interval),
        /// Timeout of the reply to a keepalive ping; then the connection is closed.
        keepalive_timeout: DurationField = span(grpc().keepalive_timeout),
        /// Age at which a connection is closed gracefully (GOAWAY), varied at random by up to 10 %.
        max_connection_age: DurationField = span(grpc().max_connection_age),
        /// Time for running calls to finish after `max_connection_age`.
        max_connection_age_grace: DurationField = span(grpc().max_connection_age_grace),
        /// Timeout of the peer for the TLS handshake, for the HTTP/2 connection preface, and for reading the answer
        /// to a call.
        peer_timeout: DurationField = span(grpc().peer_timeout),
        /// Time limit of a Check. An earlier deadline of the caller (`grpc-timeout`) takes precedence. A Check that
        /// takes longer is denied with 503.
        check_deadline: DurationField = span(grpc().call_deadline),
        /// Time limit in place of `check_deadline` for a Check that may call the provider: at a sign-in endpoint, or
        /// with a credential.
        callback_deadline: DurationField = span(grpc().callback_deadline),
        /// Concurrent Checks, without those that wait for a provider. Further ones are refused at once with
        /// `RESOURCE_EXHAUSTED`.
        max_concurrent_checks: Count = count(grpc().max_concurrent_calls),
    }
}

section! {
    /// HTTP/1.1 of browsers and of front proxies that ask over HTTP.
    struct HttpLimits {
        /// Timeout for receiving the head of a request: request line and headers.
        head_timeout: DurationField = span(http().head_timeout),
        /// Timeout for receiving the body of a request.
        body_timeout: DurationField = span(http().body_timeout),
        /// Time limit of a request as a whole.
        request_timeout: DurationField = span(http().request_timeout),
        /// Time after which an idle connection is closed.
        idle_timeout: DurationField = span(http().idle_timeout),
        /// Number of header lines of a request, also of a subrequest of a front proxy, which carries those of the
        /// browser; more get 431 with an empty body, and one log line a minute.
        max_headers: Count = count(http().max_headers),
        /// Size of the head of a request; a larger one gets 431 with an empty body, and one log line a minute.
        max_head_size: Size = size(http().max_head_bytes),
        /// Size of the body of a request.
        max_body_size: Size = size(http().max_body_bytes),
        /// Requests on one listener whose bodies are still being received. When there is one more, the oldest of them
        /// is refused.
        max_waiting_bodies: Count = count(http().max_waiting_bodies),
    }
}

section! {
    /// Requests to applications.
    struct RequestLimits {
        /// Size of path and query; a longer target gets 414. Front proxies have limits of their own.
        max_target_size: Size = size(requests().target_bytes),
        /// Number of header lines of a Check; more get 431. Envoy accepts 100 unless its `max_headers_count` is set,
        /// and adds some of its own. Over HTTP `limits.http.max_headers` is the limit.
        max_headers: Count = count(requests().header_lines),
    }
}

section! {
    /// Connections.
    struct ConnectionLimits {
        /// Open connections of one listener.
        total: Count = count(connections().total),
        /// Open connections of one listener from one source, front proxies excepted: an IPv4 address, or a 64-bit
        /// network of IPv6.
        per_source: Count = count(connections().per_source),
        /// Addresses or networks of front proxies such as Envoy, whose connections carry requests of many clients:
        /// `per_source` does not apply to them on `listen.grpc`, `listen.http` and `listen.https`. It does not apply
        /// to `forward_auth.trusted_proxies` either. This setting does not make a proxy trusted. The default is the
        /// local machine; set Envoy's address if it runs elsewhere.
        front_proxies: Networks = front_proxies(),
    }
}

section! {
    /// Requests that wait for an identity provider.
    struct ProviderLimits {
        /// Waiting requests for all providers together. Keep it well below Envoy's limit of concurrent requests to
        /// Gatepost (`circuit_breakers`, 1024 by default).
        waiting: Count = count(waits().total),
        /// Waiting requests for one purpose at one provider; the purposes are metadata, code exchange, logout tokens,
        /// credentials and refresh. Front-channel logouts without a session cookie, whose answer takes a fixed time, count
        /// for all providers together.
        waiting_per_issuer: Count = count(waits().per_issuer),
        /// As `waiting_per_issuer`, from one client address (IPv6: from one /64 network). Many users may share one
        /// address, for example behind a company's gateway, or behind a load balancer whose address Envoy reports as
        /// the client: then raise this limit.
        waiting_per_client: Count = count(waits().per_client),
        /// Sign-ins that one client address (IPv6: one /64 network) may start in a minute; for further ones a page with
        /// 429 asks the user to wait. Unless given, there is no limit. Sign-ins count where the client's address is
        /// known: in Checks, in subrequests of front proxies, and at `start` behind `forward_auth.trusted_proxies`. The
        /// note about shared addresses at `waiting_per_client` applies here, too: a low limit behind a gateway or load
        /// balancer keeps its users from signing in.
        sign_in_starts_per_client: optional Count,
        /// Concurrent code exchanges at one provider, each on its own connection; other callbacks wait for their
        /// turn.
        redemptions: Count = count(waits().redemptions),
    }
}

section! {
    /// Identity headers of one user.
    struct IdentityHeaderLimits {
        /// Total size of names and values.
        max_size: Size = size(identity_headers().max_bytes),
        /// Number of headers.
        max_count: Count = count(identity_headers().max_count),
    }
}
