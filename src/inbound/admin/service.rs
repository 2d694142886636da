//! `gatepost.admin.v1.Sessions`: reads the request, calls the outpost and returns the result.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt as _, stream};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};
use tracing::warn;

use super::audit::{self, Asked};
use super::wire;
use crate::admin_api::sessions_server::Sessions;
use crate::admin_api::{
    EndRequest, EndResponse, EndUserRequest, EndUserResponse, ListRequest, Session, end_user_request,
};
use crate::domain::audit::AdminAction;
use crate::domain::session::SessionKey;
use crate::outpost::Outpost;
use crate::outpost::administration::{EndFault, SessionScan, SessionSummary, UserEnd};

/// Concurrent lists and searches: each scans all sessions.
const MOST_SCANS: usize = 4;

/// The gRPC service for operators.
pub(super) struct AdministrationService {
    outpost: Arc<Outpost>,
    scans: Arc<Semaphore>,
}

type Listed = Pin<Box<dyn Stream<Item = Result<Session, Status>> + Send>>;

impl AdministrationService {
    pub(super) fn new(outpost: Arc<Outpost>) -> Self {
        Self { outpost, scans: Arc::new(Semaphore::new(MOST_SCANS)) }
    }

    async fn end_by_handle(&self, handle: &str) -> Result<SessionSummary, Status> {
        let malformed = || Status::invalid_argument("a handle is 64 hexadecimal digits");
        let key = SessionKey::from_hex(handle).ok_or_else(malformed)?;
        let ended = self.outpost.end_session(&key).await.map_err(|fault| no_end(&fault))?;
        ended.ok_or_else(|| Status::not_found("there is no session under this handle"))
    }

    async fn end_by_user(&self, EndUserRequest { selector, issuer }: EndUserRequest) -> Result<UserEnd, Status> {
        let selector = selector.ok_or_else(|| Status::invalid_argument("neither `user` nor `subject` is given"))?;
        let is_search = matches!(selector, end_user_request::Selector::User(_));
        let _permit = if is_search { Some(self.scans.try_acquire().map_err(|_| too_many())?) } else { None };
        let ended = self.outpost.end_sessions_of(&wire::selector(selector), issuer.as_deref()).await;
        ended.map_err(|fault| no_end(&fault))
    }
}

#[tonic::async_trait]
impl Sessions for AdministrationService {
    type ListStream = Listed;

    /// The next page is read only when the previous one has been sent, so a slow client holds back one page at most.
    async fn list(&self, request: Request<ListRequest>) -> Result<Response<Listed>, Status> {
        let asked = Asked::new(AdminAction::ListSessions, request.extensions(), &audit::criteria(request.get_ref()));
        let permit = Arc::clone(&self.scans).try_acquire_owned();
        let Ok(permit) = permit else { return Err(asked.failed(&self.outpost, too_many())) };
        asked.done(&self.outpost, None);
        let scan = SessionScan::new(wire::filter(request.into_inner()));
        let begin = (Arc::clone(&self.outpost), scan, permit);
        let pages = stream::try_unfold(begin, |(outpost, mut scan, permit)| async move {
            let page = outpost.advance(&mut scan).await.map_err(|fault| unread(&fault))?;
            let told = |page: Vec<_>| stream::iter(page.into_iter().map(wire::session).map(Ok::<_, Status>));
            Ok::<_, Status>(page.map(|page| (told(page), (outpost, scan, permit))))
        });
        Ok(Response::new(Box::pin(pages.try_flatten())))
    }

    async fn end(&self, request: Request<EndRequest>) -> Result<Response<EndResponse>, Status> {
        let asked = Asked::new(AdminAction::EndSession, request.extensions(), &request.get_ref().handle);
        match self.end_by_handle(&request.into_inner().handle).await {
            Ok(ended) => {
                asked.done(&self.outpost, Some(1));
                Ok(Response::new(EndResponse { session: Some(wire::session(ended)) }))
            }
            Err(status) => Err(asked.failed(&self.outpost, status)),
        }
    }

    async fn end_user(&self, request: Request<EndUserRequest>) -> Result<Response<EndUserResponse>, Status> {
        let asked = Asked::new(AdminAction::EndSessionsOfUser, request.extensions(), &audit::named(request.get_ref()));
        let (ended, users) = match self.end_by_user(request.into_inner()).await {
            Ok(UserEnd::Ended(user, sessions)) => {
                let ended = u64::try_from(sessions).unwrap_or(u64::MAX);
                asked.done(&self.outpost, Some(ended));
                (ended, vec![user])
            }
            Ok(UserEnd::NoSuchUser) => {
                asked.matched(&self.outpost, 0);
                (0, Vec::new())
            }
            Ok(UserEnd::Several(users)) => {
                asked.matched(&self.outpost, users.len());
                (0, users)
            }
            Err(status) => return Err(asked.failed(&self.outpost, status)),
        };
        Ok(Response::new(EndUserResponse { ended, users: users.into_iter().map(wire::user).collect() }))
    }
}

fn too_many() -> Status {
    Status::resource_exhausted("too many lists are being read; try again in a moment")
}

fn unread(fault: &dyn fmt::Display) -> Status {
    warn!(%fault, "sessions cannot be listed");
    Status::unavailable("the session store does not answer; the cause is in the log of this Gatepost")
}

fn no_end(fault: &EndFault) -> Status {
    match fault {
        EndFault::Search(fault) => unread(fault),
        EndFault::End(fault) => {
            warn!(%fault, "sessions could not be ended in the store");
            Status::unavailable(
                "the session store does not answer: the session ended at this Gatepost, and ends at other replicas as soon as \
                 the store answers; repeat the command then",
            )
        }
    }
}
