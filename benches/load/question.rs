//! The request that is sent: one Check, in which only the session differs from one request to the next.

use std::error::Error;
use std::sync::Arc;

use envoy_types::pb::envoy::service::auth::v3::CheckResponse;

use crate::servers::request;

/// Verifies an answer to the request with this session; the error says what is wrong with it.
pub(crate) type Judge = fn(&CheckResponse, usize) -> Result<(), String>;

/// A gRPC message with a gap for the session's id.
#[derive(Clone)]
pub(crate) struct Question {
    /// Flag, length and `CheckRequest`.
    pub(super) message: Vec<u8>,
    gap: Option<usize>,
    /// The sessions to draw from.
    sessions: Arc<[String]>,
    check: Judge,
}

impl Question {
    /// The same message for every user.
    pub(crate) fn fixed(path: &str, check: Judge) -> Self {
        let message = request::frame(&request::check(path, request::COOKIES));
        Self { message, gap: None, sessions: Arc::new([]), check }
    }

    /// A message with the cookie of one of these sessions.
    pub(crate) fn of(sessions: &Arc<[String]>, path: &str, check: Judge) -> Result<Self, Box<dyn Error>> {
        let id = sessions.first().ok_or("no sessions")?;
        let message = request::frame(&request::check(path, &request::cookies(id)));
        let gap = message.windows(id.len()).position(|window| window == id.as_bytes()).ok_or("no session in it")?;
        if sessions.iter().any(|other| other.len() != id.len()) {
            return Err("session ids differ in length".into());
        }
        Ok(Self { message, gap: Some(gap), sessions: Arc::clone(sessions), check })
    }

    /// The number of sessions; 1 when the message is the same for all.
    pub(crate) fn choices(&self) -> usize {
        self.sessions.len().max(1)
    }

    /// The whole message for this session.
    pub(crate) fn message(&self, session: usize) -> Vec<u8> {
        let mut message = self.message.clone();
        self.fill(&mut message, session);
        message
    }

    /// Verifies an answer to [`Question::message`].
    pub(crate) fn check(&self, answer: &CheckResponse, session: usize) -> Result<(), String> {
        (self.check)(answer, session)
    }

    /// Writes the session's id into the message at the end of `bytes`.
    pub(super) fn fill(&self, bytes: &mut [u8], session: usize) {
        let (Some(gap), Some(id)) = (self.gap, self.sessions.get(session)) else { return };
        let start = bytes.len() - self.message.len() + gap;
        if let Some(place) = bytes.get_mut(start..start + id.len()) {
            place.copy_from_slice(id.as_bytes());
        }
    }
}
