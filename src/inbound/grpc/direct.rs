//! Calls that are answered on their bytes: for what is asked before every request of every application.

use std::future::Future;

use http::HeaderMap;
use tonic::Status;

/// A unary call that does without tonic's routes.
pub trait Direct: Send + Sync + 'static {
    /// Its path.
    const PATH: &'static str;

    /// Answers one message, whose bytes came with these header lines: appends the bytes of the answer's message to `answer`.
    ///
    /// # Errors
    /// The status that is told instead.
    fn answer(
        &self,
        message: &[u8],
        lines: &HeaderMap,
        answer: &mut Vec<u8>,
    ) -> impl Future<Output = Result<(), Status>> + Send;
}

/// For a port on which every call takes tonic's routes. There is no value of it.
pub enum NoneDirect {}

impl Direct for NoneDirect {
    const PATH: &'static str = "";

    async fn answer(&self, _: &[u8], _: &HeaderMap, _: &mut Vec<u8>) -> Result<(), Status> {
        match *self {}
    }
}
