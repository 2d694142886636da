//! One connection, from the first HELLO to its end.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::backoff::Backoff;
use super::dial::Transport;
use super::message::Instruction;
use super::reports::Reports;
use super::settings::WebSocketSettings;
use super::state::WebSocketState;

/// The size limit of a message; authentik's have some hundred bytes.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;
const BUFFER_BYTES: usize = 4 * 1024;

/// An open WebSocket.
pub(super) struct Session<'a> {
    socket: WebSocketStream<Box<dyn Transport>>,
    hello: &'a str,
    hellos: Interval,
    settings: WebSocketSettings,
    reports: &'a Reports,
    /// Until when an answer has to come.
    ack_due: Instant,
    /// Whether reports may have been lost before this connection.
    after_a_gap: bool,
}

impl<'a> Session<'a> {
    pub(super) async fn new(
        transport: Box<dyn Transport>,
        hello: &'a str,
        settings: WebSocketSettings,
        reports: &'a Reports,
        after_a_gap: bool,
    ) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let socket = WebSocketStream::from_raw_socket(transport, Role::Client, Some(config)).await;
        let mut hellos = interval(settings.hello_interval);
        hellos.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ack_due = Instant::now() + settings.ack_timeout;
        Self { socket, hello, hellos, settings, reports, ack_due, after_a_gap }
    }

    /// Runs until the connection ends, and says why it did.
    pub(super) async fn run(mut self, backoff: &mut Backoff) -> String {
        loop {
            let proceeded = tokio::select! {
                _ = self.hellos.tick() => self.report().await,
                message = self.socket.next() => match message {
                    Some(Ok(message)) => self.handle(message, backoff).await,
                    Some(Err(error)) => Err(described(&error)),
                    None => Err("authentik closed it".to_owned()),
                },
                () = sleep_until(self.ack_due) => Err(self.unanswered()),
            };
            if let Err(ended) = proceeded {
                return ended;
            }
        }
    }

    async fn report(&mut self) -> Result<(), String> {
        match timeout_at(self.ack_due, self.socket.send(Message::text(self.hello))).await {
            Ok(sent) => sent.map_err(|error| described(&error)),
            Err(_) => Err(self.unanswered()),
        }
    }

    fn unanswered(&self) -> String {
        format!("authentik did not answer for {} s", self.settings.ack_timeout.as_secs())
    }

    async fn handle(&mut self, message: Message, backoff: &mut Backoff) -> Result<(), String> {
        let text = match &message {
            Message::Text(text) => text.as_str(),
            Message::Binary(_) => {
                self.skip("it is binary");
                return Ok(());
            }
            Message::Close(frame) => {
                let code = frame.as_ref().map_or(1005, |frame| u16::from(frame.code));
                return Err(format!("authentik closed it (code {code})"));
            }
            // Pings are answered by the library.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(()),
        };
        match Instruction::read(text) {
            Ok(Instruction::Ack) => self.acknowledged(backoff),
            Ok(Instruction::TriggerUpdate) => self.reports.triggers.notify_one(),
            Ok(Instruction::SessionEnd(sid)) => {
                // Without a reader the service is stopping.
                let _ = self.reports.session_ends.send(sid).await;
            }
            Ok(Instruction::None) => {}
            Err(problem) => self.skip(&problem.to_string()),
        }
        Ok(())
    }

    fn skip(&self, problem: &str) {
        if let Some(suppressed) = self.reports.skipped.admit(problem.to_owned()) {
            tracing::warn!(suppressed, "a message of authentik on the WebSocket is skipped: {problem}");
        }
    }

    fn acknowledged(&mut self, backoff: &mut Backoff) {
        self.ack_due = Instant::now() + self.settings.ack_timeout;
        backoff.reset();
        if self.reports.state.send_replace(WebSocketState::Connected).is_connected() {
            return;
        }
        tracing::info!("the WebSocket of authentik is connected");
        if self.after_a_gap {
            // authentik does not report later what changed in between.
            self.reports.triggers.notify_one();
        }
    }
}

/// What ended a connection; no text repeats a part of a message.
fn described(error: &Error) -> String {
    if matches!(error, Error::ConnectionClosed | Error::AlreadyClosed) {
        return "authentik closed it".to_owned();
    }
    error.to_string()
}
