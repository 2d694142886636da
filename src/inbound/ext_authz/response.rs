//! Converts a [`Decision`] to a `CheckResponse`, in one total function. Every answer carries a status: Envoy would take an
//! empty one for *allow*, and also a denial with gRPC code 0.

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckResponse, DeniedHttpResponse};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use envoy_types::pb::google::rpc::Status;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderName, StatusCode};
use prost::Message as _;
use tonic::Code;

use super::allowed;
use super::cookie_line::LeftOutCookiesLog;
use crate::domain::decision::{AuditRecord, COMMON_HEADERS, Decision, Page, Redirect, Verdict};
use crate::domain::http::Header;

/// Appends a decision's `CheckResponse` to `message`; `left_out` reports cookies that cannot be sent to Envoy.
pub(super) fn write(decision: Decision, left_out: &LeftOutCookiesLog, message: &mut Vec<u8>) {
    let Decision { verdict, audit } = decision;
    let (code, denied) = match verdict {
        Verdict::Allow(allow) => return left_out.tell(&allowed::write(&allow, &audit, message), &audit),
        Verdict::Redirect(redirect) => (Code::Unauthenticated, moved(redirect)),
        Verdict::Page(page) | Verdict::Deny(page) => (code_of(page.status), denied(page)),
    };
    let status = Status { code: code as i32, message: audit.reason.as_str().to_owned(), details: Vec::new() };
    let response = CheckResponse {
        status: Some(status),
        dynamic_metadata: Some(metadata(&audit)),
        http_response: Some(HttpResponse::DeniedResponse(denied)),
    };
    message.extend_from_slice(&response.encode_to_vec());
}

/// The gRPC code of an HTTP status; never [`Code::Ok`], which would allow the request.
const fn code_of(status: StatusCode) -> Code {
    match status.as_u16() {
        400 | 405 | 414 | 431 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        404 => Code::NotFound,
        500..=599 => Code::Unavailable,
        _ => Code::PermissionDenied,
    }
}

fn moved(redirect: Redirect) -> DeniedHttpResponse {
    let Redirect { status, location, cookies } = redirect;
    let own = [overwrite(&LOCATION, location)];
    denial(status, headers(own, COMMON_HEADERS.iter(), cookies), String::new())
}

fn denied(page: Page) -> DeniedHttpResponse {
    let common = page.common_headers();
    let Page { status, headers: own, content_type, body, lines: _, cookies, framed: _ } = page;
    // Envoy would send a body after these statuses, which have none (RFC 9110 section 6.4.1).
    let body = if matches!(status.as_u16(), 100..=199 | 204 | 304) { String::new() } else { body };
    let own = own.iter().map(line);
    let own = own.chain([overwrite(&CONTENT_TYPE, content_type.to_owned())]);
    denial(status, headers(own, common, cookies), body)
}

/// A denial with these headers. No header should hold a control character; if one did, Envoy would split it at a line break,
/// or replace the answer with an error of its own, so none of the headers and no body are sent.
fn denial(status: StatusCode, headers: Vec<HeaderValueOption>, body: String) -> DeniedHttpResponse {
    let sendable = |text: &str| !text.contains(|sign: char| sign.is_ascii_control() && sign != '\t');
    if headers.iter().filter_map(|option| option.header.as_ref()).all(|header| sendable(&header.value)) {
        return DeniedHttpResponse { status: Some(http_status(status)), headers, body };
    }
    tracing::error!("an answer with a control character in a header was not sent; please report this");
    DeniedHttpResponse {
        status: Some(http_status(StatusCode::INTERNAL_SERVER_ERROR)),
        headers: Vec::new(),
        body: String::new(),
    }
}

fn headers(
    own: impl IntoIterator<Item = HeaderValueOption>,
    common: impl Iterator<Item = &'static Header>,
    cookies: Vec<String>,
) -> Vec<HeaderValueOption> {
    own.into_iter().chain(common.map(line)).chain(cookies.into_iter().map(cookie)).collect()
}

// Envoy's type has the status as an open enumeration, so any HTTP status fits.
fn http_status(status: StatusCode) -> HttpStatus {
    HttpStatus { code: i32::from(status.as_u16()) }
}

/// A header of one of our own answers, which consists of text.
fn line((name, value): &Header) -> HeaderValueOption {
    overwrite(name, String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Sets one value, replacing existing ones: the only combination that behaves the same on every Envoy from 1.36 to 1.40.
fn overwrite(name: &HeaderName, value: String) -> HeaderValueOption {
    option(name.as_str(), value, HeaderAppendAction::OverwriteIfExistsOrAdd)
}

/// `Set-Cookie` lines are added to each other and to the application's own.
fn cookie(value: String) -> HeaderValueOption {
    option("set-cookie", value, HeaderAppendAction::AppendIfExistsOrAdd)
}

/// `raw_value` is not used: Envoy does not read it in answers (see [`cookie_line`](super::cookie_line)).
fn option(name: &str, value: String, action: HeaderAppendAction) -> HeaderValueOption {
    let header = HeaderValue { key: name.to_owned(), value, raw_value: Vec::new() };
    HeaderValueOption { header: Some(header), append_action: action.into(), ..HeaderValueOption::default() }
}

/// What Envoy's access log can show under `envoy.filters.http.ext_authz`, on denials too.
fn metadata(audit: &AuditRecord) -> Struct {
    let text = |text: &str| Value { kind: Some(Kind::StringValue(text.to_owned())) };
    Struct { fields: allowed::entries(audit).map(|(name, value)| (name.to_owned(), text(value))).collect() }
}

#[cfg(test)]
mod tests;
