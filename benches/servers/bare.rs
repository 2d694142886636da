//! The reference: tonic and envoy-types, nothing else. It decodes the request and allows it with as many headers as
//! Gatepost sets for a signed-in user.

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::{Authorization, AuthorizationServer};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse, OkHttpResponse};
use envoy_types::pb::google::rpc::Status as RpcStatus;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::{Server, on_first_core, request};

/// The argument that makes this program the bare server.
pub(crate) const ROLE: &str = "--bare-server";

struct Bare;

#[tonic::async_trait]
impl Authorization for Bare {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let attributes = request.into_inner().attributes.ok_or_else(|| Status::invalid_argument("no attributes"))?;
        drop(attributes);
        let headers = super::gatepost::IDENTITY.iter().map(|(name, value)| header(name, value)).collect();
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

/// Serves until killed; prints the address first.
#[expect(clippy::print_stdout, reason = "the parent reads the address there")]
pub(crate) fn serve() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?.with_nodelay(Some(true));
        println!("{}", incoming.local_addr()?);
        let server = tonic::transport::Server::builder().add_service(AuthorizationServer::new(Bare));
        Ok(server.serve_with_incoming(incoming).await?)
    })
}

/// Starts it, to be asked the same `question` as Gatepost, and looks at one answer.
pub(crate) async fn start(question: &Path) -> Result<Server, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let mut command = on_first_core(&program.to_string_lossy());
    let mut process = command.arg(ROLE).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let server = Server { process, address: line.trim().parse()?, question: question.to_owned() };
    let mut client = AuthorizationClient::connect(format!("http://{}", server.address)).await?;
    let answer = client.check(request::check("wiki.example.com", "/", "")).await?.into_inner();
    let Some(HttpResponse::OkResponse(ok)) = answer.http_response else { return Err("the bare server denied".into()) };
    if ok.headers.len() != super::gatepost::IDENTITY.len() {
        return Err("the bare server's answer is odd".into());
    }
    Ok(server)
}
