//! The remaining settings: logs, providers, limits, shutdown.

use std::num::NonZeroU32;
use std::path::PathBuf;

use super::{forward_auth, provider_network};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::config::value::{Count, Size};
use crate::config::{raw, secret_file};
use crate::domain::http::RequestLimits;
use crate::inbound::connections::{ConnectionLimits, FrontProxies};
use crate::inbound::grpc::GrpcLimits;
use crate::inbound::side_listener::HttpLimits;
use crate::outbound::provider::ProviderSettings;
use crate::outbound::trusted_certificates::TrustedCertificates;
use crate::outpost::{SignInLimits, WaitLimits};
use crate::server::{Limits, Shutdown};
use crate::telemetry::{LogFormat, LogSettings};

pub(super) fn log(written: &raw::Log, reader: &mut Reader<'_>) -> Option<LogSettings> {
    let Spanned { location, value: level } = &written.level;
    if !level.split(',').all(is_directive) {
        let help = "write error, warn, info, debug, trace or off, also with levels for single modules: info,gatepost::outbound=debug";
        reader.fault(location, "it is not a log level", help);
        return None;
    }
    let format = match written.format.value {
        raw::Format::Json => LogFormat::Json,
        raw::Format::Text => LogFormat::Text,
    };
    Some(LogSettings { level: level.clone(), format })
}

/// `level` or `target=level`. The filter's own syntax accepts any word as a target, and so would accept every typing error.
fn is_directive(text: &str) -> bool {
    let (target, level) = text.split_once('=').unwrap_or(("all", text));
    let is_level = ["error", "warn", "info", "debug", "trace", "off"].contains(&level);
    let is_target =
        !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte));
    is_level && is_target
}

pub(super) fn outpost_name(written: &raw::Outpost, reader: &mut Reader<'_>) -> Option<String> {
    let Spanned { location, value } = &written.name;
    if value.chars().any(char::is_control) {
        reader.fault(
            location,
            "it contains a control character or line break, which a header cannot carry",
            "write it on one line",
        );
        return None;
    }
    Some(value.clone())
}

/// Certificates that are trusted in addition to the system's.
pub(super) fn ca_certificates(file: &Setting<PathBuf>, reader: &mut Reader<'_>) -> Option<TrustedCertificates> {
    let path = match file {
        Setting::Absent => return Some(TrustedCertificates::default()),
        Setting::Faulty => return None,
        Setting::Given(path) => path,
    };
    let pem = secret_file::bytes(path, reader)?;
    let read = TrustedCertificates::from_pem(&pem);
    read.map_err(|fault| reader.fault(&path.location, fault.to_string(), "give certificates as PEM")).ok()
}

pub(super) fn provider(
    Spanned { location, value: written }: &Spanned<raw::Provider>,
    refreshes_sessions: bool,
    reader: &mut Reader<'_>,
) -> Option<ProviderSettings> {
    let proxy = provider_network::proxy(&written.proxy, location, reader);
    let ca_certificates = ca_certificates(&written.ca_file, reader);
    Some(ProviderSettings {
        ca_certificates: ca_certificates?,
        insecure: false,
        proxy: proxy?,
        timeout: written.timeout.value.0,
        connect_timeout: written.connect_timeout.value.0,
        refresh_interval: written.refresh_interval.value.0,
        refreshes_sessions,
    })
}

pub(super) fn limits(written: &raw::Limits, session: &raw::Session, reader: &mut Reader<'_>) -> Option<Limits> {
    let raw::Limits { grpc, http, requests, connections, provider, .. } = written;
    Some(Limits {
        grpc: grpc_limits(&grpc.value),
        http: http_limits(&http.value),
        requests: request_limits(&requests.value),
        connections: permits(&connections.value),
        front_proxies: FrontProxies(forward_auth::networks(
            &connections.value.front_proxies.value,
            forward_auth::FRONT_PROXIES,
            reader,
        )?),
        waits: waits(&provider.value),
        sign_ins: sign_ins(&provider.value, session),
    })
}

fn waits(written: &raw::ProviderLimits) -> WaitLimits {
    WaitLimits {
        total: count(&written.waiting),
        per_issuer: count(&written.waiting_per_issuer),
        per_client: count(&written.waiting_per_client),
        redemptions: count(&written.redemptions),
    }
}

fn sign_ins(written: &raw::ProviderLimits, session: &raw::Session) -> SignInLimits {
    let given = |count: &Setting<Count>| count.given().and_then(|count| NonZeroU32::new(count.value.0));
    SignInLimits {
        sessions_per_user: given(&session.max_per_user),
        starts_per_client: given(&written.sign_in_starts_per_client),
    }
}

fn grpc_limits(written: &raw::GrpcLimits) -> GrpcLimits {
    GrpcLimits {
        max_concurrent_streams: written.max_concurrent_streams.given().map(|streams| streams.value.0),
        max_local_error_reset_streams: count(&written.max_local_error_reset_streams),
        max_pending_accept_reset_streams: count(&written.max_pending_accept_reset_streams),
        max_header_list_bytes: written.max_header_list_size.value.0,
        stream_window_bytes: written.stream_window.value.0,
        connection_window_bytes: written.connection_window.value.0,
        max_message_bytes: bytes(&written.max_message_size),
        keepalive_interval: written.keepalive_interval.value.0,
        keepalive_timeout: written.keepalive_timeout.value.0,
        max_connection_age: written.max_connection_age.value.0,
        max_connection_age_grace: written.max_connection_age_grace.value.0,
        peer_timeout: written.peer_timeout.value.0,
        call_deadline: written.check_deadline.value.0,
        callback_deadline: written.callback_deadline.value.0,
        max_concurrent_calls: count(&written.max_concurrent_checks),
    }
}

fn http_limits(written: &raw::HttpLimits) -> HttpLimits {
    HttpLimits {
        head_timeout: written.head_timeout.value.0,
        body_timeout: written.body_timeout.value.0,
        request_timeout: written.request_timeout.value.0,
        idle_timeout: written.idle_timeout.value.0,
        max_headers: count(&written.max_headers),
        max_head_bytes: bytes(&written.max_head_size),
        max_body_bytes: bytes(&written.max_body_size),
        max_waiting_bodies: count(&written.max_waiting_bodies),
    }
}

fn request_limits(written: &raw::RequestLimits) -> RequestLimits {
    RequestLimits { target_bytes: bytes(&written.max_target_size), header_lines: count(&written.max_headers) }
}

fn permits(written: &raw::ConnectionLimits) -> ConnectionLimits {
    ConnectionLimits { total: count(&written.total), per_source: count(&written.per_source) }
}

pub(super) const fn shutdown(written: &raw::Shutdown) -> Shutdown {
    Shutdown { delay: written.delay.value.0, grace: written.grace.value.0 }
}

const fn count(written: &Spanned<Count>) -> usize {
    written.value.0 as usize
}

const fn bytes(written: &Spanned<Size>) -> usize {
    written.value.0 as usize
}
