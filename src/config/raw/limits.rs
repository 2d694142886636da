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
        /// Requests of applications, whoever asks about them.
        requests: RequestLimits = "{}",
        /// Connections of every listener.
        connections: ConnectionLimits = "{}",
        /// Requests that wait for an identity provider. One that finds no place gets a 503 with `Retry-After` at once; signed-in
        /// users' requests do not wait for a provider, and go on.
        provider: ProviderLimits = "{}",
        /// Everything that is told about one user in headers. Whoever has more is refused at the sign-in. Envoy lets 60 KiB and
        /// 100 headers pass, the browser's own among them; many applications take less.
        identity_headers: IdentityHeaderLimits = "{}",
    }
}

section! {
    /// HTTP/2 and calls.
    struct GrpcLimits {
        /// Checks at a time on one connection. Unless given: 1000 when `listen.grpc` is a loopback address, where only Envoy
        /// asks, else 128.
        max_concurrent_streams: optional Count,
        /// Streams that a connection may make us reset before it is closed. Lower it to 64 where others than a local Envoy
        /// can connect.
        max_local_error_reset_streams: Count = count(grpc().max_local_error_reset_streams),
        /// Streams that a peer may reset before we took them up, before the connection is closed.
        max_pending_accept_reset_streams: Count = count(grpc().max_pending_accept_reset_streams),
        /// Headers of one request.
        max_header_list_size: Size = size(grpc().max_header_list_bytes as usize),
        /// Flow-control window of one stream.
        stream_window: Size = size(grpc().stream_window_bytes as usize),
        /// Flow-control window of one connection.
        connection_window: Size = size(grpc().connection_window_bytes as usize),
        /// One message.
        max_message_size: Size = size(grpc().max_message_bytes),
        /// How often a silent connection is pinged.
        keepalive_interval: DurationField = span(grpc().keepalive_interval),
        /// How long the answer to a ping may take.
        keepalive_timeout: DurationField = span(grpc().keepalive_timeout),
        /// Age at which a connection is asked to go, more or less by chance.
        max_connection_age: DurationField = span(grpc().max_connection_age),
        /// How long it may finish what it began.
        max_connection_age_grace: DurationField = span(grpc().max_connection_age_grace),
        /// How long a peer may take to begin, and to take what is sent to it.
        patience: DurationField = span(grpc().patience),
        /// How long a check may take.
        check_deadline: DurationField = span(grpc().call_deadline),
        /// How long a check may take that asks the provider: one that redeems a code or judges a credential.
        callback_deadline: DurationField = span(grpc().callback_deadline),
        /// Checks at a time, without those that wait for a provider; more are turned away at once.
        max_concurrent_checks: Count = count(grpc().max_concurrent_calls),
    }
}

section! {
    /// HTTP/1.1 of browsers and of front proxies that ask over HTTP.
    struct HttpLimits {
        /// How long a request's head may take to arrive.
        head_timeout: DurationField = span(http().head_timeout),
        /// How long a request's body may take to arrive.
        body_timeout: DurationField = span(http().body_timeout),
        /// How long a request may take altogether.
        request_timeout: DurationField = span(http().request_timeout),
        /// How long a connection may be silent between requests.
        idle_timeout: DurationField = span(http().idle_timeout),
        /// Header lines of one request.
        max_headers: Count = count(http().max_headers),
        /// One request's head.
        max_head_size: Size = size(http().max_head_bytes),
        /// One request's body.
        max_body_size: Size = size(http().max_body_bytes),
        /// Requests at a time on one listener whose bodies are still on their way. One more, and the one that has waited longest
        /// is turned away.
        max_waiting_bodies: Count = count(http().max_waiting_bodies),
    }
}

section! {
    /// Requests that are looked at.
    struct RequestLimits {
        /// Path and query of one request; 414 for a longer one. Envoy and other front proxies have limits of their own.
        max_target_size: Size = size(requests().target_bytes),
        /// Header lines of one request; 431 for more. Envoy takes 100 unless `max_headers_count` says otherwise, and adds some
        /// of its own.
        max_headers: Count = count(requests().header_lines),
    }
}

section! {
    /// Connections.
    struct ConnectionLimits {
        /// Open at a time on one listener.
        total: Count = count(connections().total),
        /// Open at a time from one source that is no front proxy: an IPv4 address, or a 64-bit network of IPv6.
        per_source: Count = count(connections().per_source),
        /// Addresses or networks of front proxies such as Envoy, which speak for many clients: `per_source` does not count their
        /// connections on `listen.grpc`, `listen.http` and `listen.https`, nor those of `forward_auth.trusted_proxies`. What they
        /// say is not believed for that. The default is this machine; name Envoy's address where it runs elsewhere.
        front_proxies: Networks = front_proxies(),
    }
}

section! {
    /// Requests that wait for an identity provider.
    struct ProviderLimits {
        /// Waiting at a time, for all providers together. Keep it well below the number of requests that Envoy has under way at
        /// Gatepost at most (`circuit_breakers`, 1024 unless given).
        waiting: Count = count(waits().total),
        /// Of these, for one purpose at one provider: metadata, codes, logout tokens, credentials, renewals.
        waiting_per_issuer: Count = count(waits().per_issuer),
        /// Of these, from one client's address (of IPv6, its network of 64 bits). Many users may share one, behind a company's
        /// gateway or a balancer, whose address Envoy's question names: raise it there.
        waiting_per_client: Count = count(waits().per_client),
        /// Codes that are redeemed at a time at one provider, each over one connection; other callbacks wait for their turn.
        redemptions: Count = count(waits().redemptions),
    }
}

section! {
    /// Headers that tell of a user.
    struct IdentityHeaderLimits {
        /// Names and values together.
        max_size: Size = size(identity_headers().max_bytes),
        /// How many there may be.
        max_count: Count = count(identity_headers().max_count),
    }
}
