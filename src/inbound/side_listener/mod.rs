//! The listener for browsers' direct requests, over HTTP and HTTPS: it serves Gatepost's own endpoints only. A request for
//! an application is a 404 here for every client, because some front proxy could take a 2xx for *allow*.

mod answer;
mod head;

use std::sync::Arc;

use http::{Request as HttpRequest, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use crate::domain::decision::{COMMON_HEADERS, Reason};
use crate::domain::http::Scheme;
use crate::inbound::connections::{
    self, Answer, Connection, Http1, Listener, ReceivedBody, ReloadableTls, Stop, empty, refusal,
};
use crate::inbound::router::{HandedOn, Routed, Router};
use crate::outpost::{Outpost, Request, RequestBody};
use crate::telemetry::traces;
use crate::telemetry::{DecisionRecorder, Protocol, Stopwatch};

use self::head::{ConnectInfo, NotCanonical};
pub use crate::inbound::connections::{HttpLimits, TlsFault, TlsIdentity};

/// Serves Gatepost's own endpoints.
pub struct SideListener {
    outpost: Arc<Outpost>,
    recorder: DecisionRecorder,
    limits: HttpLimits,
    first: Option<Arc<dyn Router>>,
}

impl SideListener {
    /// A listener that asks `outpost`; another router may take requests first.
    #[must_use]
    pub fn new(
        outpost: Arc<Outpost>,
        recorder: DecisionRecorder,
        limits: HttpLimits,
        first: Option<Arc<dyn Router>>,
    ) -> Arc<Self> {
        Arc::new(Self { outpost, recorder, limits, first })
    }

    /// Serves plain HTTP until `stop` begins; returns how many connections had to be cut.
    pub async fn serve(self: Arc<Self>, listener: Listener, stop: Stop) -> usize {
        let http = self.http(&listener);
        let serve_one = move |connection: Connection, stop| {
            let info = ConnectInfo::of(&connection, None);
            Arc::clone(&self).drive(Arc::clone(&http), connection, info, stop)
        };
        connections::serve(listener, stop, serve_one).await
    }

    /// Serves HTTPS until `stop` begins; returns how many connections had to be cut.
    pub async fn serve_tls(self: Arc<Self>, listener: Listener, tls: ReloadableTls, stop: Stop) -> usize {
        let http = self.http(&listener);
        let handshake_timeout = http.handshake_timeout();
        let serve_one = move |stream: TlsStream<Connection>, stop| {
            let info = ConnectInfo::of(stream.get_ref().0, Some(Scheme::Https));
            Arc::clone(&self).drive(Arc::clone(&http), stream, info, stop)
        };
        connections::serve_tls(listener, tls, handshake_timeout, stop, |_, _| {}, serve_one).await
    }

    fn http(&self, listener: &Listener) -> Arc<Http1> {
        Arc::new(Http1::new(listener.name(), self.limits.clone(), &COMMON_HEADERS))
    }

    async fn drive<S>(self: Arc<Self>, http: Arc<Http1>, stream: S, info: ConnectInfo, stop: Stop)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let needs_body = |target: &str| self.outpost.needs_body(target);
        let answer = |request| self.answer(request, info);
        http.serve(stream, stop, needs_body, answer).await;
    }

    async fn answer(&self, request: HttpRequest<ReceivedBody>, connection: ConnectInfo) -> Answer {
        let (parts, body) = request.into_parts();
        let request = HttpRequest::from_parts(parts, ());
        let request = match &self.first {
            None => HandedOn::from(request),
            Some(first) => match first.route(request, connection.peer).await {
                Routed::Answered(answer) => return answer,
                Routed::HandedOn(request) => request,
            },
        };
        let watch = Stopwatch::start();
        let target = head::target(&request.request);
        // A probe may use any host name, and is so frequent that a log line each would be noise.
        if target.as_ref().is_some_and(Outpost::is_probe) {
            return empty(StatusCode::NO_CONTENT, &COMMON_HEADERS);
        }
        let request = match head::read(request, target, connection) {
            Ok(request) => Request { body: body_of(body), ..request },
            Err(NotCanonical(reader)) => {
                let decision = self.outpost.refuse(Reason::Malformed, reader);
                self.recorder.record(Protocol::SideListener, &decision, watch, None);
                return answer::render(decision.verdict);
            }
        };
        let routed = self.outpost.route(&request);
        if !routed.is_own() && !routed.is_excessive() {
            return refusal(StatusCode::NOT_FOUND, &COMMON_HEADERS);
        }
        let decision = async {
            let decision = timeout(self.limits.decision_timeout(), self.outpost.answer(&routed)).await;
            decision.unwrap_or_else(|_| self.outpost.overdue(&routed))
        };
        // The header lines are the browser's own, which must not decide what is traced.
        let decision = traces::decided(Protocol::SideListener, None, decision).await;
        self.recorder.record(Protocol::SideListener, &decision, watch, request.head.request_id.as_deref());
        answer::render(decision.verdict)
    }
}

fn body_of(received: ReceivedBody) -> RequestBody {
    match received {
        ReceivedBody::Discarded => RequestBody::Withheld,
        ReceivedBody::Whole(bytes) => RequestBody::Whole(bytes.into()),
        ReceivedBody::Cut => RequestBody::Cut,
    }
}
