//! The reference servers, which have no sign-in logic. (a) hyper alone, which answers every request with the same gRPC
//! frame. (b) tonic and envoy-types, which decode the request and allow it with as many headers as Gatepost sets.

use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::authorization_server::{Authorization, AuthorizationServer};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse, OkHttpResponse};
use envoy_types::pb::google::rpc::Status as RpcStatus;
use http::{HeaderMap, HeaderValue as HttpHeaderValue, Request as HttpRequest, Response as HttpResponseOf};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::{Server, judges, request};
use crate::machine::Cores;

/// The arguments that make this program a bare server; the path of the file with the answer follows.
const ROLES: [(&str, BareServer); 2] = [("--bare-hyper", BareServer::Hyper), ("--bare-tonic", BareServer::Tonic)];

/// The kind of bare server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BareServer {
    Hyper,
    Tonic,
}

/// Runs a bare server until it is killed, when the arguments ask for one; otherwise `None`.
pub(crate) fn serve_if_asked() -> Option<Result<(), Box<dyn Error>>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, role, file] = arguments.as_slice() else { return None };
    let (_, kind) = ROLES.iter().find(|(name, _)| name == role)?;
    Some(serve(*kind, Path::new(file)))
}

/// Starts a bare server whose answer is like `answer`.
///
/// # Errors
/// When it does not start.
pub(crate) fn start(
    kind: BareServer,
    answer: &CheckResponse,
    folder: &Path,
    cores: Cores,
) -> Result<(Server, SocketAddr), Box<dyn Error>> {
    let (role, _) = ROLES.iter().find(|(_, of)| *of == kind).ok_or("no such role")?;
    let file = folder.join("answer.bin");
    fs::write(&file, answer.encode_to_vec())?;
    let program = std::env::current_exe()?;
    let mut command = cores.on_server(&program.to_string_lossy());
    let mut server = Server::start(command.arg(role).arg(&file).stdout(Stdio::piped()))?;
    let mut line = String::new();
    BufReader::new(server.process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    Ok((server, line.trim().parse()?))
}

/// Serves after printing the address.
#[expect(clippy::print_stdout, reason = "the parent reads the address there")]
fn serve(kind: BareServer, answer: &Path) -> Result<(), Box<dyn Error>> {
    let answer = CheckResponse::decode(fs::read(answer)?.as_slice())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        match kind {
            BareServer::Hyper => serve_frame(listener, request::message(&answer.encode_to_vec())).await,
            BareServer::Tonic => {
                let headers = judges::headers(&answer).map(|(name, value)| (name.to_owned(), value.to_owned()));
                let service = AuthorizationServer::new(Bare { headers: headers.collect() });
                let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                Ok(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming).await?)
            }
        }
    })
}

async fn serve_frame(listener: TcpListener, frame: Vec<u8>) -> Result<(), Box<dyn Error>> {
    let frame = Bytes::from(frame);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let frame = frame.clone();
        let service = service_fn(move |request| answer(request, frame.clone()));
        tokio::spawn(async move {
            let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            // A client that disconnects is not an error.
            let _ = http2.serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

/// Discards the request and returns the fixed answer.
async fn answer(
    request: HttpRequest<Incoming>,
    frame: Bytes,
) -> Result<HttpResponseOf<impl hyper::body::Body<Data = Bytes, Error = Infallible>>, Infallible> {
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    let trailers =
        HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), HttpHeaderValue::from_static("0"))]);
    let mut answer = HttpResponseOf::new(Full::new(frame).with_trailers(async { Some(Ok(trailers)) }));
    answer.headers_mut().insert(http::header::CONTENT_TYPE, HttpHeaderValue::from_static("application/grpc"));
    Ok(answer)
}

/// Allows every request.
struct Bare {
    headers: Vec<(String, String)>,
}

#[tonic::async_trait]
impl Authorization for Bare {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let attributes = request.into_inner().attributes.ok_or_else(|| Status::invalid_argument("no attributes"))?;
        drop(attributes);
        let headers = self.headers.iter().map(|(name, value)| header(name, value)).collect();
        Ok(Response::new(CheckResponse {
            status: Some(RpcStatus::default()),
            http_response: Some(HttpResponse::OkResponse(OkHttpResponse { headers, ..OkHttpResponse::default() })),
            ..CheckResponse::default()
        }))
    }
}

fn header(name: &str, value: &str) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key: name.into(), value: value.into(), ..HeaderValue::default() }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    }
}
