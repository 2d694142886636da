//! F-9, F-13, F-14: attacks that `docs/security.md` names, one connection each, while a second connection
//! asks for health.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::frames::{
    Attacker, CHECK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Heard, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, call, frame, literal, message, nth_stream,
};
use super::support::{SESSION_COOKIE, Setup, TestApp, check, eventually, status, within};

/// Another connection, which must not be affected.
struct Bystander(HealthClient<Channel>);

impl Bystander {
    async fn of(app: &TestApp) -> Self {
        Self(HealthClient::new(app.channel().await))
    }

    /// A generous limit, for a slow machine and an unoptimised build: the point is that other clients are not locked out.
    async fn is_served(&mut self) {
        let began = Instant::now();
        within(self.0.check(HealthCheckRequest::default())).await.expect("is served");
        assert!(began.elapsed() < Duration::from_secs(2), "took {:?}", began.elapsed());
    }
}

/// Runs an attack and returns the server's frames.
async fn attacked(attack: impl AsyncFnOnce(&mut Attacker)) -> Heard {
    let app = TestApp::start(Setup::default()).await;
    let mut bystander = Bystander::of(&app).await;
    let mut attacker = Attacker::connect(app.addresses.grpc).await;
    attack(&mut attacker).await;
    bystander.is_served().await;
    let heard = attacker.done().await;
    bystander.is_served().await;
    drop(bystander);
    app.stop().await;
    heard
}

#[track_caller]
fn assert_complaint(heard: &Heard, text: &str) {
    assert_eq!(heard.complaint().as_deref(), Some(text), "{:?}", heard.frames.last());
}

#[tokio::test]
async fn f_14_streams_left_open_are_refused_above_the_limit() {
    let heard = attacked(async |attacker| {
        let block = call(CHECK);
        for n in 0..8000 {
            if !attacker.send(HEADERS, END_HEADERS, nth_stream(n), &block).await {
                break;
            }
        }
    })
    .await;
    assert_complaint(&heard, "too_many_internal_resets");
    let refused = heard.frames.iter().filter(|frame| frame.kind == RST_STREAM && frame.payload == [0, 0, 0, 7]);
    let first = refused.map(|frame| frame.stream).min();
    assert!(first.is_some_and(|stream| stream >= nth_stream(128)), "the first {first:?}");
}

#[tokio::test]
async fn f_14_made_you_reset_ends_the_connection() {
    let heard = attacked(async |attacker| {
        let block = call(CHECK);
        for n in 0..20_000 {
            let mut bytes = frame(HEADERS, END_HEADERS, nth_stream(n), &block);
            bytes.extend(frame(WINDOW_UPDATE, 0, nth_stream(n), &0x7fff_ffff_u32.to_be_bytes()));
            if !attacker.raw(&bytes).await {
                break;
            }
        }
    })
    .await;
    assert!(heard.complaint().is_some(), "{:?}", heard.frames.last());
    assert!(heard.count(RST_STREAM) <= 70, "{} resets", heard.count(RST_STREAM));
}

#[tokio::test]
async fn f_14_rapid_reset_ends_the_connection() {
    let heard = attacked(async |attacker| {
        let block = call(CHECK);
        for n in 0..20_000 {
            let mut bytes = frame(HEADERS, END_HEADERS | END_STREAM, nth_stream(n), &block);
            bytes.extend(frame(RST_STREAM, 0, nth_stream(n), &8_u32.to_be_bytes()));
            if !attacker.raw(&bytes).await {
                break;
            }
        }
    })
    .await;
    assert_complaint(&heard, "too_many_resets");
}

#[tokio::test]
async fn f_14_a_flood_of_continuations_ends_the_connection() {
    let heard = attacked(async |attacker| {
        attacker.send(HEADERS, 0, 1, &call(CHECK)).await;
        let mut more = Vec::new();
        literal(&mut more, 0x00, b"x-a", b"b");
        for _ in 0..100_000 {
            if !attacker.send(CONTINUATION, 0, 1, &more).await {
                break;
            }
        }
    })
    .await;
    assert_complaint(&heard, "too_many_continuations");
}

#[tokio::test]
async fn f_14_a_header_bomb_ends_the_connection() {
    let heard = attacked(async |attacker| {
        let mut block = call(CHECK);
        literal(&mut block, 0x40, b"x-bomb", &[b'a'; 3800]);
        attacker.send(HEADERS, 0, 1, &block).await;
        // Each byte references the entry of nearly 4 KB at the head of the dynamic table.
        let references = vec![0xbe; 4096];
        for _ in 0..32 {
            if !attacker.send(CONTINUATION, 0, 1, &references).await {
                break;
            }
        }
    })
    .await;
    assert!(heard.complaint().is_some(), "{:?}", heard.frames.last());
}

#[tokio::test]
async fn f_14_empty_data_ends_the_connection() {
    let heard = attacked(async |attacker| {
        attacker.send(HEADERS, END_HEADERS, 1, &call(CHECK)).await;
        let many = frame(DATA, 0, 1, &[]).repeat(1000);
        for _ in 0..1000 {
            if !attacker.raw(&many).await {
                break;
            }
        }
    })
    .await;
    assert!(heard.complaint().is_some() || heard.count(RST_STREAM) > 0, "{:?}", heard.frames.last());
}

#[tokio::test]
async fn f_14_pings_cost_an_answer_and_nothing_else() {
    let heard = attacked(async |attacker| {
        let many = frame(PING, 0, 0, b"12345678").repeat(100);
        for _ in 0..200 {
            if !attacker.raw(&many).await {
                break;
            }
        }
    })
    .await;
    assert_eq!(heard.complaint(), None);
}

#[tokio::test]
async fn f_13_a_length_of_two_gibibytes_ends_the_stream() {
    let heard = attacked(async |attacker| {
        attacker.send(HEADERS, END_HEADERS, 1, &call(CHECK)).await;
        attacker.send(DATA, 0, 1, &message(0x8000_0000, b"x")).await;
        attacker.send(PING, 0, 0, b"12345678").await;
        // It is answered although the message never ends.
        attacker.hears(|heard| heard.count(PING) > 0 && heard.frames.iter().any(|frame| frame.stream == 1)).await;
    })
    .await;
    let answer = heard.frames.iter().find(|frame| frame.stream == 1).expect("the stream is answered");
    assert!(answer.flags & END_STREAM != 0 || answer.kind == RST_STREAM, "{answer:?}");
    assert_eq!(heard.complaint(), None);
}

#[tokio::test]
async fn f_13_broken_messages_get_an_error_and_the_connection_is_kept() {
    let app = TestApp::start(Setup::default()).await;
    let mut attacker = Attacker::connect(app.addresses.grpc).await;
    let block = call(CHECK);
    // A field of type string with bytes that are not UTF-8; a length beyond the end; the compressed flag; nothing.
    let compressed = [1, 0, 0, 0, 1, 0];
    let broken: [&[u8]; 4] = [
        &message(8, &[0x0a, 0x06, 0x22, 0x04, 0x12, 0x02, 0xff, 0xfe]),
        &message(3, &[0x0a, 0x7f, 0x00]),
        &compressed,
        &[],
    ];
    for n in 0..400 {
        let data = broken[n as usize % broken.len()];
        let mut bytes = frame(HEADERS, END_HEADERS, nth_stream(n), &block);
        bytes.extend(frame(DATA, END_STREAM, nth_stream(n), data));
        assert!(attacker.raw(&bytes).await, "the connection is kept");
        // Well below the limit of streams.
        if n % 50 == 49 {
            let mut checks = app.checks().await;
            let answer = within(checks.check(check("/", None))).await.expect("is answered").into_inner();
            assert_eq!(status(&answer), 302);
        }
    }
    let heard = attacker.done().await;
    assert_eq!(heard.complaint(), None, "{:?}", heard.frames.last());
    assert!(heard.count(HEADERS) >= 400, "every call is answered, {} were", heard.count(HEADERS));
    app.stop().await;
}

#[tokio::test]
async fn f_9_half_a_message_is_not_waited_for() {
    let mut setup = Setup::default();
    setup.limits.grpc.call_deadline = Duration::from_millis(200);
    let app = TestApp::start(setup).await;
    let mut attacker = Attacker::connect(app.addresses.grpc).await;
    let block = call(CHECK);
    for n in 0..100 {
        let mut bytes = frame(HEADERS, END_HEADERS, nth_stream(n), &block);
        bytes.extend(frame(DATA, 0, nth_stream(n), &message(1000, b"half")));
        assert!(attacker.raw(&bytes).await);
    }
    attacker.hears(|heard| heard.count(HEADERS) == 100).await;
    // If the first ones still waited, the next hundred would exceed the limit of 128.
    for n in 100..200 {
        attacker.send(HEADERS, END_HEADERS | END_STREAM, nth_stream(n), &block).await;
    }
    let mut bystander = Bystander::of(&app).await;
    bystander.is_served().await;
    let heard = attacker.done().await;
    let refused = heard.frames.iter().filter(|frame| frame.kind == RST_STREAM && frame.payload == [0, 0, 0, 7]);
    assert_eq!(refused.count(), 0);
    drop(bystander);
    app.stop().await;
}

#[tokio::test]
async fn f_9_an_answer_that_is_not_taken_is_dropped() {
    let mut setup = Setup::default();
    setup.limits.grpc.call_deadline = Duration::from_millis(200);
    let app = TestApp::start(setup).await;
    let mut attacker = Attacker::connect(app.addresses.grpc).await;
    // SETTINGS_INITIAL_WINDOW_SIZE: no answer may contain a byte of data.
    attacker.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).await;
    let block = call(CHECK);
    for n in 0..60 {
        let mut bytes = frame(HEADERS, END_HEADERS, nth_stream(n), &block);
        bytes.extend(frame(DATA, END_STREAM, nth_stream(n), &message(0, b"")));
        assert!(attacker.raw(&bytes).await);
    }
    attacker.hears(|heard| heard.count(RST_STREAM) == 60).await;
    let mut bystander = Bystander::of(&app).await;
    bystander.is_served().await;
    let heard = attacker.done().await;
    assert_eq!((heard.count(DATA), heard.complaint()), (0, None));
    drop(bystander);
    app.stop().await;
}

#[tokio::test]
async fn f_10_who_never_begins_is_cut() {
    let mut setup = Setup::default();
    setup.limits.grpc.peer_timeout = Duration::from_millis(200);
    let app = TestApp::start(setup).await;
    let reply = super::support::exchange(app.addresses.grpc, b"PRI * HTTP/2.0").await;
    assert!(!reply.text.contains("HTTP/1.1 2"));
    let reply = super::support::exchange(app.addresses.grpc, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(!reply.text.contains("HTTP/1.1 2"), "no HTTP/1 on this port");
    app.stop().await;
}

#[tokio::test]
async fn an_old_connection_is_asked_to_leave_and_then_ended() {
    let mut setup = Setup::default();
    setup.limits.grpc.max_connection_age = Duration::from_millis(300);
    setup.limits.grpc.max_connection_age_grace = Duration::from_millis(300);
    setup.limits.grpc.call_deadline = Duration::from_secs(60);
    let app = TestApp::start(setup).await;
    let mut attacker = Attacker::connect(app.addresses.grpc).await;
    attacker.send(HEADERS, END_HEADERS, 1, &call(CHECK)).await;
    let heard = attacker.closed().await;
    assert_eq!(heard.complaint(), None);
    assert!(heard.count(GOAWAY) > 0, "{heard:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_42_other_spellings_of_a_method_are_unknown() {
    let heard = attacked(async |attacker| {
        let spellings = [
            &format!("/{CHECK}"),
            "/envoy.service.auth.v3.Authorization/%43heck",
            "/envoy.service.auth.v3.Authorization/check",
        ];
        for (n, path) in (0..).zip(spellings) {
            attacker.send(HEADERS, END_HEADERS | END_STREAM, nth_stream(n), &call(path)).await;
        }
        attacker.hears(|heard| heard.count(HEADERS) == 3).await;
    })
    .await;
    // Errors are in the headers alone (gRPC over HTTP/2, "Trailers-Only").
    let errors = heard.frames.iter().filter(|frame| frame.kind == HEADERS && frame.flags & END_STREAM != 0);
    assert_eq!(errors.count(), 3, "{heard:?}");
    assert_eq!(heard.count(DATA), 0, "no CheckResponse");
}

/// The answer to a frame without a cookie takes a fixed time, so any client can have many of them under way.
#[tokio::test]
async fn f_14_frames_under_way_keep_no_signed_in_user_out() {
    let mut setup = Setup { signed_in: true, ..Setup::default() };
    setup.limits.grpc.max_concurrent_calls = 1;
    let app = TestApp::start(setup).await;
    app.store.ends_wait.store(true, Ordering::SeqCst);
    let checks = app.checks().await;
    let frame = "/outpost.goauthentik.io/frontchannel_logout?iss=https%3A%2F%2Fsso.example.com%2F&sid=guessed";
    let mut frames = Vec::new();
    for number in 1..=3 {
        let mut checks = checks.clone();
        frames.push(tokio::spawn(async move { checks.check(check(frame, None)).await }));
        eventually(async || app.store.provider_session_ends.load(Ordering::SeqCst) == number).await;
        let answer = within(app.checks().await.check(check("/", Some(SESSION_COOKIE)))).await.expect("is not shed");
        assert_eq!(status(&answer.into_inner()), 200);
    }
    app.store.permits.add_permits(1);
    for frame in frames {
        let answer = within(frame).await.expect("does not panic").expect("is answered").into_inner();
        assert_eq!(status(&answer), 200);
    }
    drop(checks);
    app.stop().await;
}
