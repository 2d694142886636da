//! The answer that allows a request, encoded by hand: nearly all of it is the same for every request of a user and is cached
//! with the session as the bytes that Envoy receives.
//!
//! `CheckResponse { status = 1, ok_response = 3, dynamic_metadata = 4 }`, of Envoy's `external_auth.proto`.

use std::iter::once;

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use http::header::COOKIE;
use prost::encoding::int32;

use super::fields::{field_bytes, put, put_head};
use super::{backend_metadata, cookie_line};
use crate::domain::decision::{Allow, AuditRecord};
use crate::domain::http::Header;
use crate::domain::policy::identity_headers::IdentityHeaders;

/// `OkHttpResponse`: headers to set on the request, names to remove from it, headers to add to the response.
const HEADERS: u32 = 2;
const HEADERS_TO_REMOVE: u32 = 5;
const RESPONSE_HEADERS_TO_ADD: u32 = 6;

/// Room for the identity headers of a user; they are rarely longer.
const USUAL_BYTES: usize = 2048;

/// Estimated bytes of a header option besides name and value.
const OPTION_BYTES: usize = 16;

/// Appends the `CheckResponse` that allows a request. Returns the names of the cookies that cannot be sent to Envoy.
pub(super) fn write(allow: &Allow, audit: &AuditRecord, message: &mut Vec<u8>) -> Vec<String> {
    let reason = audit.reason.as_str();
    // The code is not written: it is 0, which is the default.
    put_head(message, 1, field_bytes(2, reason.len()));
    put(message, 2, reason.as_bytes());
    let anew;
    let identity_headers = if let Some(prepared) = allow.identity_headers().prepared(encode) {
        prepared
    } else {
        anew = encode(allow.identity_headers());
        &anew
    };
    let (more, left_out) = of_request(allow);
    put_head(message, 3, identity_headers.len() + more.len());
    message.extend_from_slice(identity_headers);
    message.extend_from_slice(&more);
    metadata(allow, audit, message);
    left_out
}

/// The fields of `OkHttpResponse` that are the same for every request of a user.
fn encode(identity_headers: &IdentityHeaders) -> Box<[u8]> {
    let mut fields = Vec::with_capacity(USUAL_BYTES);
    identity_headers.set().iter().for_each(|header| overwrite(&mut fields, header));
    identity_headers.remove().for_each(|name| put(&mut fields, HEADERS_TO_REMOVE, name.as_bytes()));
    fields.into_boxed_slice()
}

fn of_request(allow: &Allow) -> (Vec<u8>, Vec<String>) {
    let (set, remove) = allow.of_request();
    let backend_metadata: Vec<_> = allow.upstream().into_iter().flat_map(backend_metadata::headers).collect();
    // A header that is both set and removed would be removed.
    let remove = remove.iter().filter(|name| !backend_metadata.iter().any(|(set, _)| set == name));
    let room: usize = set.iter().map(|(name, value)| name.as_str().len() + value.len() + OPTION_BYTES).sum();
    let mut fields = Vec::with_capacity(room);
    let mut left_out = Vec::new();
    for header @ (name, value) in set {
        if *name == COOKIE && std::str::from_utf8(value.as_bytes()).is_err() {
            let carried = cookie_line::carried(value.as_bytes());
            match carried.text.as_str() {
                "" => put(&mut fields, HEADERS_TO_REMOVE, COOKIE.as_str().as_bytes()),
                text => option(&mut fields, HEADERS, COOKIE.as_str(), text, HeaderAppendAction::OverwriteIfExistsOrAdd),
            }
            left_out.extend(carried.left_out);
        } else {
            overwrite(&mut fields, header);
        }
    }
    for (name, value) in &backend_metadata {
        option(&mut fields, HEADERS, name, value, HeaderAppendAction::OverwriteIfExistsOrAdd);
    }
    remove.for_each(|name| put(&mut fields, HEADERS_TO_REMOVE, name.as_bytes()));
    allow.cookies().iter().for_each(|cookie| {
        option(&mut fields, RESPONSE_HEADERS_TO_ADD, "set-cookie", cookie, HeaderAppendAction::AppendIfExistsOrAdd);
    });
    (fields, left_out)
}

/// Sets one value, replacing existing ones: the only combination that behaves the same on every Envoy from 1.36 to 1.40. A
/// value that is not UTF-8 cannot be sent to Envoy. Only cookies can be that; any other such header is removed, so that the
/// client's own does not remain.
fn overwrite(fields: &mut Vec<u8>, (name, value): &Header) {
    let name = name.as_str();
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => option(fields, HEADERS, name, text, HeaderAppendAction::OverwriteIfExistsOrAdd),
        Err(_) => put(fields, HEADERS_TO_REMOVE, name.as_bytes()),
    }
}

/// `HeaderValueOption { header = 1: HeaderValue { key = 1, value = 2 }, append_action = 3 }`. `HeaderValue.raw_value` is not
/// used: Envoy does not read it in answers (see [`cookie_line`]).
fn option(fields: &mut Vec<u8>, tag: u32, name: &str, value: &str, append_action: HeaderAppendAction) {
    let header = field_bytes(1, name.len()) + field_bytes(2, value.len());
    let append_action = append_action as i32;
    put_head(fields, tag, field_bytes(1, header) + int32::encoded_len(3, &append_action));
    put_head(fields, 1, header);
    put(fields, 1, name.as_bytes());
    put(fields, 2, value.as_bytes());
    int32::encode(3, &append_action, fields);
}

/// What Envoy's access log can show under `envoy.filters.http.ext_authz`, and the backend of the request: a
/// `google.protobuf.Struct` of texts, `{ fields = 1: { key = 1, value = 2: Value { string_value = 3 } } }`.
fn metadata(allow: &Allow, audit: &AuditRecord, message: &mut Vec<u8>) {
    let backend_metadata: Vec<_> = allow.upstream().into_iter().flat_map(backend_metadata::metadata).collect();
    let backend_metadata = backend_metadata.iter().map(|(name, text)| (*name, text.as_str()));
    let fields = || entries(audit).chain(backend_metadata.clone());
    let entry = |name: &str, text: &str| field_bytes(1, name.len()) + field_bytes(2, field_bytes(3, text.len()));
    put_head(message, 4, fields().map(|(name, text)| field_bytes(1, entry(name, text))).sum());
    for (name, text) in fields() {
        put_head(message, 1, entry(name, text));
        put(message, 1, name.as_bytes());
        put_head(message, 2, field_bytes(3, text.len()));
        put(message, 3, text.as_bytes());
    }
}

/// The recorded facts about a decision, by their names in metadata.
pub(super) fn entries(audit: &AuditRecord) -> impl Iterator<Item = (&'static str, &str)> {
    let application = audit.application.as_ref().map(|application| ("application", application.as_str()));
    let user = audit.user.as_deref().map(|user| ("user", user));
    once(("decision_id", audit.id.as_str()))
        .chain(once(("reason", audit.reason.as_str())))
        .chain(application)
        .chain(user)
}
