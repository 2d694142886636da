//! One connection of the load: sends requests, receives answers, and records when each request was sent.

use std::error::Error;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use prost::Message as _;

use super::frames::{self, Frame};
use super::question::Question;
use crate::machine::now;

const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";
/// Maximum concurrent requests; all connections together stay below Gatepost's limit.
const MOST: usize = 128;
/// Slots for streams: enough that a slow answer does not block later ones.
const SLOTS: usize = 1024;
const INBOX: usize = 256 * 1024;
/// One answer in this many is decoded and judged.
const SAMPLE: u32 = 64;
/// Length of the flag and length that precede a gRPC message.
const PREFIX: usize = 5;
/// Bytes received after which the server is granted as much window again.
const WINDOW_STEP: u32 = 1 << 28;

/// A request without a complete answer.
struct Flight {
    stream: u32,
    asked: Instant,
    session: usize,
    /// Bytes of the answer's message received so far.
    length: usize,
    /// The message, when it is to be judged.
    sample: Vec<u8>,
}

pub(super) struct Connection {
    pub(super) socket: TcpStream,
    question: Question,
    first_headers: Option<Vec<u8>>,
    next_stream: u32,
    /// Bytes that may still be sent.
    window: usize,
    /// Bytes received since the last window update.
    taken: u32,
    inbox: Vec<u8>,
    filled: usize,
    outbox: Vec<u8>,
    flights: Vec<Option<Flight>>,
    pub(super) under_way: usize,
}

impl Connection {
    pub(super) fn open(address: SocketAddr, question: &Question) -> Result<Self, Box<dyn Error>> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let mut outbox = Vec::with_capacity(INBOX);
        frames::preface(&mut outbox);
        Ok(Self {
            socket,
            question: question.clone(),
            first_headers: Some(frames::first_headers(&address.to_string(), PATH)),
            next_stream: 1,
            window: usize::try_from(frames::FIRST_WINDOW)?,
            taken: 0,
            inbox: vec![0; INBOX],
            filled: 0,
            outbox,
            flights: (0..SLOTS).map(|_| None).collect(),
            under_way: 0,
        })
    }

    /// Sends a request for this session; returns false when the server is too far behind. `asked` is when the request was
    /// due.
    pub(super) fn ask(&mut self, session: usize, asked: Instant) -> bool {
        let (stream, size) = (self.next_stream, self.question.message.len());
        let Some(slot @ None) = slot(&mut self.flights, stream) else { return false };
        if size > self.window || self.under_way >= MOST {
            return false;
        }
        *slot = Some(Flight { stream, asked, session, length: 0, sample: Vec::new() });
        match self.first_headers.take() {
            Some(headers) => frames::question(&mut self.outbox, stream, &headers, &self.question.message),
            None => frames::question(&mut self.outbox, stream, &frames::next_headers(), &self.question.message),
        }
        self.question.fill(&mut self.outbox, session);
        self.window -= size;
        self.next_stream += 2;
        self.under_way += 1;
        true
    }

    /// Sends buffered frames as far as the socket takes them.
    pub(super) fn flush(&mut self) -> Result<(), Box<dyn Error>> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        match self.socket.write(&self.outbox) {
            Ok(sent) => drop(self.outbox.drain(..sent)),
            Err(fault) if fault.kind() == ErrorKind::WouldBlock => {}
            Err(fault) => return Err(fault.into()),
        }
        Ok(())
    }

    pub(super) fn has_more_to_send(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Processes received frames, and calls `answered` with the duration of each complete answer.
    ///
    /// # Errors
    /// When the server closed the connection, or an answer is malformed.
    pub(super) fn receive(&mut self, mut answered: impl FnMut(Duration)) -> Result<(), Box<dyn Error>> {
        let room = self.inbox.get_mut(self.filled..).unwrap_or_default();
        match self.socket.read(room) {
            Ok(0) => return Err("the server closed the connection".into()),
            Ok(count) => self.filled += count,
            Err(fault) if fault.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(fault) => return Err(fault.into()),
        }
        let arrived = now();
        let inbox = std::mem::take(&mut self.inbox);
        let mut rest = inbox.get(..self.filled).unwrap_or_default();
        while let Some((frame, length)) = frames::read(rest)? {
            if let Some(asked) = self.take(&frame)? {
                answered(arrived.saturating_duration_since(asked));
            }
            rest = rest.get(length..).unwrap_or_default();
        }
        let (from, left) = (self.filled - rest.len(), rest.len());
        self.inbox = inbox;
        self.inbox.copy_within(from..from + left, 0);
        self.filled = left;
        Ok(())
    }

    /// The time of the request whose answer this frame completes.
    fn take(&mut self, frame: &Frame<'_>) -> Result<Option<Instant>, Box<dyn Error>> {
        match *frame {
            Frame::Message { stream, bytes } => {
                self.note_taken(bytes.len())?;
                let flight = slot(&mut self.flights, stream).and_then(Option::as_mut).ok_or("a stray answer")?;
                flight.length += bytes.len();
                if stream / 2 % SAMPLE == 0 {
                    flight.sample.extend(bytes);
                }
            }
            Frame::End { stream } => {
                let flight = slot(&mut self.flights, stream).and_then(Option::take).ok_or("a stray answer")?;
                self.under_way -= 1;
                if flight.stream != stream || flight.length <= PREFIX {
                    return Err("an answer without a message: a gRPC error".into());
                }
                if let Some(message) = flight.sample.get(PREFIX..) {
                    self.question.check(&CheckResponse::decode(message)?, flight.session)?;
                }
                return Ok(Some(flight.asked));
            }
            Frame::Window(more) => self.window += usize::try_from(more)?,
            Frame::Ping(payload) => frames::pong(&mut self.outbox, payload),
            Frame::Settings => frames::acknowledge_settings(&mut self.outbox),
            Frame::Other => {}
        }
        Ok(None)
    }

    fn note_taken(&mut self, bytes: usize) -> Result<(), Box<dyn Error>> {
        self.taken += u32::try_from(bytes)?;
        if self.taken > WINDOW_STEP {
            frames::window(&mut self.outbox, self.taken);
            self.taken = 0;
        }
        Ok(())
    }
}

/// The slot of a stream; clients use odd numbers only.
fn slot(flights: &mut [Option<Flight>], stream: u32) -> Option<&mut Option<Flight>> {
    flights.get_mut(usize::try_from(stream / 2).ok()? % SLOTS)
}
