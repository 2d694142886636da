//! Commands and scripts, each within its time, and not too many at once.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Value};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::fault::Fault;
use super::link::{Link, State};
use super::scripts::Script;

/// Commands that may be under way together; more wait their turn for as long as an answer may take.
const SEATS: usize = 1024;

/// Whoever the link leads to.
pub(super) struct Servers {
    state: watch::Receiver<State>,
    seats: Semaphore,
    limit: Duration,
}

impl Servers {
    pub(super) fn new(state: watch::Receiver<State>, command_timeout: Duration) -> Self {
        Self { state, seats: Semaphore::new(SEATS), limit: command_timeout }
    }

    /// Whether there is a link, and word when that changes.
    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// The link, after a little patience with a first attempt under way.
    pub(super) async fn link(&self) -> Result<Arc<Link>, Fault> {
        let mut state = self.state.clone();
        let settled = timeout(self.limit, state.wait_for(|state| !matches!(state, State::Connecting))).await;
        match settled.map(|state| state.map(|state| state.clone())) {
            Ok(Ok(State::Up(link))) => Ok(link),
            Ok(Ok(State::Down(reason))) => Err(Fault::Down(reason)),
            Ok(Ok(State::Connecting) | Err(_)) | Err(_) => Err(Fault::Down("no connection yet".to_owned())),
        }
    }

    /// Sends a command and reads its answer.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Fault> {
        let link = self.link().await?;
        let asked = timeout(self.limit, async {
            let _seat = self.seats.acquire().await.map_err(|_| Fault::Broken)?;
            link.ask(command).await.map_err(Fault::from)
        });
        let answer = asked.await.unwrap_or(Err(Fault::TimeOut));
        link.note(&answer);
        read(answer?)
    }

    /// Runs a script, and brings it to the server where that is needed.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[&[u8]],
    ) -> Result<T, Fault> {
        let command = |name: &str, script: &str| {
            let mut command = Cmd::new();
            command.arg(name).arg(script).arg(keys.len()).arg(keys).arg(arguments);
            command
        };
        match self.ask(&command("EVALSHA", &script.hash)).await {
            Err(Fault::UnknownScript) => self.ask(&command("EVAL", script.body)).await,
            answer => answer,
        }
    }
}

fn read<T: FromRedisValue>(answer: Value) -> Result<T, Fault> {
    T::from_redis_value(answer).map_err(|_| Fault::Unreadable)
}
