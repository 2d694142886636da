//! A collector of spans: OTLP over gRPC, and over HTTP with protobuf.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// A span as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Exported {
    pub(crate) name: String,
    pub(crate) trace: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) parent: Vec<u8>,
    pub(crate) failed: bool,
    pub(crate) attributes: HashMap<String, String>,
    pub(crate) resource: HashMap<String, String>,
    /// The value of `authorization` in the request that brought it.
    pub(crate) authorization: Option<String>,
}

#[derive(Clone, Default)]
struct Received(Arc<(Mutex<Vec<Exported>>, Notify)>);

impl Received {
    fn add(&self, message: ExportTraceServiceRequest, authorization: Option<&str>) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        for of_resource in message.resource_spans {
            let resource = texts(of_resource.resource.map(|resource| resource.attributes).unwrap_or_default());
            for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                all.push(Exported {
                    name: span.name,
                    trace: span.trace_id,
                    id: span.span_id,
                    parent: span.parent_span_id,
                    failed: span.status.is_some_and(|status| status.code == 2),
                    attributes: texts(span.attributes),
                    resource: resource.clone(),
                    authorization: authorization.map(str::to_owned),
                });
            }
        }
        self.0.1.notify_waiters();
    }
}

fn texts(attributes: Vec<KeyValue>) -> HashMap<String, String> {
    let text = |value| if let Value::StringValue(text) = value { Some(text) } else { None };
    let pair = |pair: KeyValue| Some((pair.key, text(pair.value?.value?)?));
    attributes.into_iter().filter_map(pair).collect()
}

/// A running collector.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    received: Received,
    server: JoinHandle<()>,
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let authorization = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        let authorization = authorization.map(str::to_owned);
        self.add(request.into_inner(), authorization.as_deref());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    pub(crate) async fn over_grpc() -> Self {
        let (listener, address) = listener().await;
        let received = Received::default();
        let service = TraceServiceServer::new(received.clone());
        let server = tokio::spawn(async move {
            let served = tonic::transport::Server::builder().add_service(service);
            served.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("serves");
        });
        Self { address, received, server }
    }

    pub(crate) async fn over_http() -> Self {
        async fn take(State(received): State<Received>, headers: HeaderMap, body: Bytes) -> Vec<u8> {
            let message = ExportTraceServiceRequest::decode(body).expect("is a message");
            let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
            received.add(message, authorization);
            ExportTraceServiceResponse::default().encode_to_vec()
        }
        let (listener, address) = listener().await;
        let received = Received::default();
        let router = axum::Router::new().route("/v1/traces", axum::routing::post(take)).with_state(received.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { address, received, server }
    }

    /// The spans, once `enough` of them have arrived.
    pub(crate) async fn spans(&self, enough: impl Fn(&[Exported]) -> bool) -> Vec<Exported> {
        let (spans, arrived) = &*self.received.0;
        let waiting = async {
            loop {
                let next = arrived.notified();
                let mut next = std::pin::pin!(next);
                next.as_mut().enable();
                let all = spans.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if enough(&all) {
                    return all;
                }
                next.await;
            }
        };
        let all = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        all.unwrap_or_else(|_| panic!("these are all: {:#?}", spans.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}
