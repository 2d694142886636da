//! The WebSocket: it answers HELLOs, sends what tests push, and records.

use std::sync::Arc;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Response, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{Inner, Recorded};

/// What is sent on all WebSockets.
#[derive(Clone, Debug)]
pub(crate) enum Push {
    /// `TRIGGER_UPDATE`.
    TriggerUpdate,
    /// `SESSION_END` with this id.
    SessionEnd(String),
    /// The end of a session as servers before 2025 send it.
    Logout(String),
    /// Any text.
    Text(String),
    /// Any bytes.
    Binary(Vec<u8>),
    /// The end of the connection.
    Close,
}

/// One WebSocket.
#[derive(Clone, Debug)]
pub(crate) struct SocketLog {
    /// The request that opened it.
    pub(crate) request: Recorded,
    /// The HELLOs on it.
    pub(crate) hellos: Vec<Value>,
    pub(crate) is_open: bool,
}

pub(super) fn switching(request: &Recorded) -> Response<Body> {
    const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let key = request.header("sec-websocket-key").unwrap_or_default();
    let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()));
    Response::builder()
        .status(101)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .body(Body::empty())
        .unwrap()
}

pub(super) async fn run(inner: Arc<Inner>, upgrade: OnUpgrade, number: usize) {
    let mut pushes = inner.pushes.subscribe();
    if let Ok(upgraded) = upgrade.await {
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        loop {
            let sent = tokio::select! {
                Ok(push) = pushes.recv() => match message(push) {
                    Some(message) => socket.send(message).await,
                    None => break drop(socket.close(None).await),
                },
                received = socket.next() => match received {
                    Some(Ok(Message::Text(text))) => {
                        inner.log.lock().unwrap().sockets[number].hellos.push(serde_json::from_str(&text).unwrap());
                        inner.changed.notify_waiters();
                        let acknowledges = inner.state.lock().unwrap().acknowledges;
                        if !acknowledges {
                            continue;
                        }
                        socket.send(instruction(0, &json!({}))).await
                    }
                    Some(Ok(_)) => Ok(()),
                    Some(Err(_)) | None => break,
                },
            };
            if sent.is_err() {
                break;
            }
        }
    }
    inner.log.lock().unwrap().sockets[number].is_open = false;
    inner.changed.notify_waiters();
}

fn message(push: Push) -> Option<Message> {
    let ended = |kind: &str, sid: &str| json!({ "type": kind, "sub_type": "logout", "session_id": sid });
    Some(match push {
        Push::TriggerUpdate => instruction(2, &json!({})),
        Push::SessionEnd(sid) => instruction(4, &json!({ "type": "event.session.end", "session_id": sid })),
        Push::Logout(sid) => instruction(3, &ended("event.provider.specific", &sid)),
        Push::Text(text) => Message::text(text),
        Push::Binary(bytes) => Message::binary(bytes),
        Push::Close => return None,
    })
}

fn instruction(number: u8, args: &Value) -> Message {
    Message::text(json!({ "instruction": number, "args": args }).to_string())
}
