//! The layers around each call of a service: the limit on concurrent calls, a deadline for the message, and the catching of panics.
//! Every failure here is a gRPC error, which Envoy treats as a denial.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::{Service as HyperService, service_fn};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::{Service, ServiceExt as _};
use tracing::error;

use super::admission::{Admission, CallBody};
use super::deadline_body::DeadlineBody;
use super::inline_executor;
use super::limits::GrpcLimits;
use super::small_frames::SmallFrames;
use crate::inbound::connections::panic_message;
use crate::telemetry::names;

/// A response as it is sent.
type Answer = SmallFrames<Body>;

/// A tonic service whose calls are limited.
pub trait Calls:
    Service<Request<CallBody>, Response = Response<Body>, Error = Infallible, Future: Send>
    + NamedService
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Calls for S where
    S: Service<Request<CallBody>, Response = Response<Body>, Error = Infallible, Future: Send>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The HTTP service of one listener: it always returns a response, never an error.
pub trait ListenerService:
    HyperService<Request<Incoming>, Response = Response<Answer>, Error = Infallible, Future: Send> + Send + Sync + 'static
{
}

impl<S> ListenerService for S where
    S: HyperService<Request<Incoming>, Response = Response<Answer>, Error = Infallible, Future: Send>
        + Send
        + Sync
        + 'static
{
}

/// `calls` behind all layers. `others` (health, reflection) may last, so only panics are caught there. Only calls of
/// `others` go through tonic's routes: routing costs more than a decision.
pub(super) fn layered<C: Calls>(
    calls: C,
    others: Routes,
    listener: &'static str,
    limits: &GrpcLimits,
) -> impl ListenerService {
    let calls = bounded(calls, limits);
    let others = others.prepare();
    service_fn(move |request: Request<Incoming>| {
        let answer = if is_of::<C>(&request) {
            caught(calls.clone().oneshot(request), listener).inspect(|_| inline_executor::answered()).left_future()
        } else {
            caught(Box::pin(others.clone().oneshot(request)), listener).right_future()
        };
        answer.map(|answer| answer.map(|response| response.map(SmallFrames::new)))
    })
}

/// `calls` with a deadline for their messages and limits on their number.
fn bounded<C: Calls>(
    calls: C,
    limits: &GrpcLimits,
) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let admission = Admission::new(limits.max_concurrent_calls);
    let deadline = limits.call_deadline;
    tower::service_fn(move |request: Request<Incoming>| {
        let (admission, calls) = (admission.clone(), calls.clone());
        let request = request.map(|body| DeadlineBody::new(body, deadline));
        // Only a call that has to wait for its permit has a future for that: each future is moved several times.
        match admission.try_admit() {
            Some(permit) => calls.oneshot(request.map(|body| admission.body(body, permit))).left_future(),
            None => Box::pin(async move {
                match admission.admit().await {
                    Ok(permit) => calls.oneshot(request.map(|body| admission.body(body, permit))).await,
                    Err(status) => Ok(status.into_http()),
                }
            })
            .right_future(),
        }
    })
}

/// Whether a request is for this service.
fn is_of<C: NamedService>(request: &Request<Incoming>) -> bool {
    let inner = request.uri().path().strip_prefix('/').and_then(|path| path.strip_prefix(C::NAME));
    inner.is_some_and(|method| method.starts_with('/'))
}

/// What `call` answers, or an error when it panics. `tower_http`'s layer for this puts each body into one more box, which every
/// frame has to pass.
fn caught(
    call: impl Future<Output = Result<Response<Body>, Infallible>>,
    listener: &'static str,
) -> impl Future<Output = Result<Response<Body>, Infallible>> {
    AssertUnwindSafe(call)
        .catch_unwind()
        .map(move |answer| answer.unwrap_or_else(|panic| Ok(panicked(listener, panic.as_ref()))))
}

fn panicked(listener: &'static str, panic: &(dyn Any + Send)) -> Response<Body> {
    metrics::counter!(names::PANICS, "listener" => listener).increment(1);
    error!(listener, panic = panic_message(panic), "a call ended in a panic; it was refused");
    Status::new(Code::Internal, "internal error").into_http()
}
