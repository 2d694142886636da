//! [`Decision`] to `CheckResponse`: one total function. Every answer carries a status; to Envoy an empty one would
//! mean *allow*, and so would a denial with gRPC code 0.

use std::borrow::Cow;

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckResponse, DeniedHttpResponse};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use envoy_types::pb::google::rpc::Status;
use prost::Message as _;
use tonic::Code;

use super::allowed;
use crate::domain::decision::{COMMON_HEADERS, Decision, Note, Page, Redirect, Verdict};

/// Appends a decision's `CheckResponse` to `message`.
pub(super) fn write(decision: Decision, message: &mut Vec<u8>) {
    let Decision { verdict, note } = decision;
    let (code, denied) = match verdict {
        Verdict::Allow(allow) => return allowed::write(&allow, &note, message),
        Verdict::Redirect(redirect) => (Code::Unauthenticated, moved(redirect)),
        Verdict::Page(page) | Verdict::Deny(page) => (code_of(page.status), denied(page)),
    };
    let status = Status { code: code as i32, message: note.reason.as_str().to_owned(), details: Vec::new() };
    let response = CheckResponse {
        status: Some(status),
        dynamic_metadata: Some(metadata(&note)),
        http_response: Some(HttpResponse::DeniedResponse(denied)),
    };
    message.extend_from_slice(&response.encode_to_vec());
}

/// The gRPC code of an HTTP status; never [`Code::Ok`], which would let the request through.
const fn code_of(status: u16) -> Code {
    match status {
        400 | 405 | 414 | 431 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        404 => Code::NotFound,
        500..=599 => Code::Unavailable,
        _ => Code::PermissionDenied,
    }
}

fn moved(redirect: Redirect) -> DeniedHttpResponse {
    let Redirect { status, location, cookies } = redirect;
    let own = [overwrite(Cow::Borrowed("location"), location.into_bytes())];
    let headers = headers(own, COMMON_HEADERS.iter().copied(), cookies);
    DeniedHttpResponse { status: Some(http_status(status)), headers, body: String::new() }
}

fn denied(page: Page) -> DeniedHttpResponse {
    let common = page.common_headers();
    let Page { status, headers: own, content_type, body, cookies, framed: _ } = page;
    let content_type = overwrite(Cow::Borrowed("content-type"), content_type.as_bytes().to_vec());
    let own = own.into_iter().map(|(name, value)| overwrite(name, value.into_bytes())).chain([content_type]);
    DeniedHttpResponse { status: Some(http_status(status)), headers: headers(own, common, cookies), body }
}

fn headers(
    own: impl IntoIterator<Item = HeaderValueOption>,
    common: impl Iterator<Item = (&'static str, &'static str)>,
    cookies: Vec<String>,
) -> Vec<HeaderValueOption> {
    let common = common.map(|(name, value)| overwrite(Cow::Borrowed(name), value.as_bytes().to_vec()));
    own.into_iter().chain(common).chain(cookies.into_iter().map(cookie)).collect()
}

// The type has the status as an open enumeration, so any HTTP status fits.
fn http_status(status: u16) -> HttpStatus {
    HttpStatus { code: i32::from(status) }
}

/// One value, whatever was there before: the one recipe that reads the same on every Envoy from 1.36 to 1.40.
fn overwrite(name: Cow<'static, str>, value: Vec<u8>) -> HeaderValueOption {
    option(name, value, HeaderAppendAction::OverwriteIfExistsOrAdd)
}

/// `Set-Cookie` lines stand beside each other and beside the application's own.
fn cookie(value: String) -> HeaderValueOption {
    option(Cow::Borrowed("set-cookie"), value.into_bytes(), HeaderAppendAction::AppendIfExistsOrAdd)
}

fn option(name: Cow<'static, str>, value: Vec<u8>, action: HeaderAppendAction) -> HeaderValueOption {
    let key = name.into_owned();
    let header = match String::from_utf8(value) {
        Ok(value) => HeaderValue { key, value, raw_value: Vec::new() },
        Err(bytes) => HeaderValue { key, value: String::new(), raw_value: bytes.into_bytes() },
    };
    HeaderValueOption { header: Some(header), append_action: action.into(), ..HeaderValueOption::default() }
}

/// What Envoy's access log can show under `envoy.filters.http.ext_authz`, on denials too.
fn metadata(note: &Note) -> Struct {
    let text = |text: &str| Value { kind: Some(Kind::StringValue(text.to_owned())) };
    Struct { fields: allowed::entries(note).map(|(name, value)| (name.to_owned(), text(value))).collect() }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
