//! The fast decoder reads what the full decoder reads, or nothing at all.

use std::collections::HashMap;

use envoy_types::pb::envoy::config::core::v3::address::Address as Kind;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{Address, HeaderMap, HeaderValue, Metadata, SocketAddress};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request, TlsSession};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use envoy_types::pb::google::protobuf::Timestamp;
use proptest::collection::{hash_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::domain::http::RequestHead;
use crate::inbound::ext_authz::fields::{Fields, put};
use crate::inbound::ext_authz::request::{RequestFault, read_decoded, validate};
use crate::outpost;

/// The result as text, with the lines of a map sorted: a map has no order.
fn spelled(read: Result<outpost::Request, RequestFault>) -> String {
    let Ok(outpost::Request { head, body, .. }) = read else { return format!("{read:?}") };
    let mut lines: Vec<_> = head.headers.iter().collect();
    if head.headers.cookie_form() == CookieForm::CommaJoined {
        lines.sort_unstable();
    }
    format!("{lines:?} {body:?} {:?}", RequestHead { headers: HeaderLines::default(), ..head.clone() })
}

/// Whether the fast decoder accepted the message; if so, both decoders read the same.
fn agrees(message: &[u8]) -> Result<bool, TestCaseError> {
    let Some(asked) = scan(message) else { return Ok(false) };
    let decoded = CheckRequest::decode(message);
    prop_assert!(decoded.is_ok(), "the full decoder refuses: {decoded:?}");
    prop_assert_eq!(spelled(validate(asked, Vec::new())), spelled(read_decoded(decoded.unwrap_or_default())));
    Ok(true)
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z:/.-]{1,12}", "\\PC{0,8}"]
}

fn peer() -> impl Strategy<Value = Peer> {
    let host = prop_oneof![Just("192.0.2.7".to_owned()), Just("2001:db8::1".to_owned()), word()];
    (of(host), word(), word()).prop_map(|(host, service, principal)| {
        let socket = |address| SocketAddress {
            address,
            port_specifier: Some(PortSpecifier::PortValue(443)),
            ..SocketAddress::default()
        };
        let address = host.map(|host| Address { address: Some(Kind::SocketAddress(socket(host))) });
        Peer { address, service, principal, ..Peer::default() }
    })
}

fn names() -> impl Strategy<Value = String> {
    let known = ["cookie", "Cookie", "host", ":path", "x-request-id", "accept", ""].map(str::to_owned);
    prop_oneof![proptest::sample::select(known.to_vec()), word()]
}

fn lines() -> impl Strategy<Value = HeaderMap> {
    let line = (names(), word(), vec(any::<u8>(), 0..8));
    let line = line.prop_map(|(key, value, raw_value)| HeaderValue { key, value, raw_value });
    vec(line, 0..6).prop_map(|headers| HeaderMap { headers })
}

fn http() -> impl Strategy<Value = HttpRequest> {
    let method = prop_oneof![Just("GET".to_owned()), Just("POST".to_owned()), word()];
    let path = prop_oneof![Just("/a/../b?c".to_owned()), Just("/a?b".to_owned()), word()];
    let host = prop_oneof![Just("App.example.com:443".to_owned()), word()];
    let scheme = prop_oneof![Just("https".to_owned()), Just("HTTP".to_owned()), word()];
    let one = (method, path, host, scheme, word(), word());
    let other = (hash_map(names(), word(), 0..5), of(lines()), any::<i64>(), word(), vec(any::<u8>(), 0..2));
    (one, other).prop_map(|((method, path, host, scheme, id, query), (headers, header_map, size, body, raw_body))| {
        let protocol = "HTTP/2".to_owned();
        let most = HttpRequest { method, path, host, scheme, id, query, size, protocol, ..HttpRequest::default() };
        let body = if body.len() < 10 { String::new() } else { body };
        HttpRequest { headers, header_map, body, raw_body, ..most }
    })
}

prop_compose! {
    fn message()(
        http in of(http()),
        (source, destination, sni) in (of(peer()), of(peer()), of(word())),
        extensions in hash_map(prop_oneof![Just(APPLICATION_EXTENSION.to_owned()), word()], word(), 0..3),
        metadata_context in of(Just(Metadata::default())),
        seconds in of(any::<i64>()),
    ) -> CheckRequest {
        let time = seconds.map(|seconds| Timestamp { seconds, nanos: 7 });
        let request = Some(Request { time, http });
        let tls_session = sni.map(|sni| TlsSession { sni });
        CheckRequest { attributes: Some(AttributeContext {
            source, destination, request, tls_session, metadata_context,
            context_extensions: extensions, ..AttributeContext::default()
        }) }
    }
}

/// The fields of a message, each with its encoded bytes.
fn pieces(message: &[u8]) -> Vec<(u32, &[u8], Value<'_>)> {
    let mut all = fields(message);
    let mut found = Vec::new();
    loop {
        let Fields(before) = all;
        let Some(Some((number, value))) = all.next() else { return found };
        found.push((number, &before[..before.len() - all.0.len()], value));
    }
}

/// The same message with its fields in another order and some repeated; also for the nested messages along `path`.
fn disordered(message: &[u8], path: &[u32], chance: &mut impl FnMut() -> usize) -> Vec<u8> {
    let mut pieces = pieces(message);
    let mut mixed = Vec::new();
    while !pieces.is_empty() {
        let (number, piece, value) = pieces.swap_remove(chance() % pieces.len());
        for _ in 0..=usize::from(chance().is_multiple_of(16)) {
            match (path.split_first(), value) {
                (Some((step, rest)), Value::Bytes(inner)) if *step == number => {
                    put(&mut mixed, *step, &disordered(inner, rest, chance));
                }
                _ => mixed.extend_from_slice(piece),
            }
        }
    }
    mixed
}

proptest! {
    #[test]
    fn whatever_is_scanned_is_what_the_full_decoder_reads(one in message(), other in message()) {
        let (one, other) = (one.encode_to_vec(), other.encode_to_vec());
        agrees(&one)?;
        agrees(&[one, other].concat())?;
    }

    #[test]
    fn order_and_repetition_change_nothing(message in message(), seed: u64) {
        let mut state = seed;
        let mut chance = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).expect("is small")
        };
        agrees(&disordered(&message.encode_to_vec(), &[1, 4, 2, 13, 1], &mut chance))?;
    }

    #[test]
    fn broken_bytes_are_left_to_the_full_decoder(message in message(), at: prop::sample::Index, bit in 0..8u8) {
        let mut bytes = message.encode_to_vec();
        prop_assume!(!bytes.is_empty());
        agrees(&bytes[..at.index(bytes.len())])?;
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        agrees(&bytes)?;
    }

    #[test]
    fn noise_is_no_question(bytes in vec(any::<u8>(), 0..40)) {
        agrees(&bytes)?;
    }
}

/// Ensures that the fast decoder accepts usual messages; otherwise the tests above would prove nothing.
#[test]
fn the_usual_is_scanned() {
    let lines = |raw: bool| {
        let line = |key: &str, value: &str| HeaderValue {
            key: key.to_owned(),
            value: if raw { String::new() } else { value.to_owned() },
            raw_value: if raw { value.as_bytes().to_vec() } else { Vec::new() },
        };
        HeaderMap { headers: vec![line(":path", "/"), line("cookie", "a=1"), line("cookie", "b=2")] }
    };
    let http = HttpRequest {
        id: "1".into(),
        method: "GET".into(),
        path: "/".into(),
        host: "app.example.com".into(),
        scheme: "https".into(),
        size: -1,
        ..HttpRequest::default()
    };
    let address = SocketAddress { address: "192.0.2.7".into(), ..SocketAddress::default() };
    let address = Some(Address { address: Some(Kind::SocketAddress(address)) });
    let peer = Some(Peer { address, principal: "p".into(), ..Peer::default() });
    let map: HashMap<_, _> = [("cookie", "a=1"), (":path", "/")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
    for http in [
        HttpRequest { header_map: Some(lines(true)), ..http.clone() },
        HttpRequest { header_map: Some(lines(false)), ..http.clone() },
        HttpRequest { headers: map, ..http },
    ] {
        let time = Some(Timestamp { seconds: 1_900_000_000, nanos: -1 });
        let attributes = AttributeContext {
            source: peer.clone(),
            destination: peer.clone(),
            request: Some(Request { time, http: Some(http) }),
            metadata_context: Some(Metadata::default()),
            route_metadata_context: Some(Metadata::default()),
            context_extensions: [(APPLICATION_EXTENSION.to_owned(), "wiki".to_owned())].into(),
            tls_session: Some(TlsSession { sni: "app.example.com".into() }),
        };
        let message = CheckRequest { attributes: Some(attributes) }.encode_to_vec();
        assert!(agrees(&message).expect("both ways agree"));
        let outpost::Request { head, .. } =
            validate(scan(&message).expect("is usual"), Vec::new()).expect("is well formed");
        assert_eq!((head.client, head.application.as_deref()), ("192.0.2.7".parse().ok(), Some("wiki")));
    }
}
