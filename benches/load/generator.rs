//! Sends a server one request after the other over a few connections, from one thread: either as fast as answers arrive, or
//! at a rate, at random times and independently of earlier answers; a request's latency is then measured from the time when
//! it was due.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::Connection;
use super::latency::Latency;
use super::question::Question;
use super::{Metered, Meters, Round};
use crate::machine::now;

/// As many connections as an Envoy with as many workers holds.
const CONNECTIONS: usize = 4;
/// How long to wait for answers after the last request.
const TIMEOUT: Duration = Duration::from_secs(10);
const WARM_UP: Duration = Duration::from_millis(400);

/// How fast to send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// This many concurrent requests on each connection.
    UnderWay(usize),
    /// This many requests per second.
    PerSecond(f64),
}

/// Sends requests for `span`, after a short warm-up.
///
/// # Errors
/// When an answer is missing or wrong.
pub(crate) fn run(
    metered: Metered<'_>,
    address: SocketAddr,
    question: &Question,
    pace: Pace,
    span: Duration,
) -> Result<Round, Box<dyn Error>> {
    let mut load = Load::start(address, question, pace)?;
    load.go_on(WARM_UP)?;
    let before = Meters::read(metered)?;
    load.answers.clear();
    let began = now();
    load.go_on(span)?;
    let after = Meters::read(metered)?;
    let seconds = began.elapsed().as_secs_f64();
    let answers = std::mem::take(&mut load.answers);
    load.finish()?;
    let requests = f64::from(u32::try_from(answers.len())?);
    Ok(Round::new(&before, &after, requests, seconds, Latency::of(answers)))
}

struct Load {
    connections: Vec<Connection>,
    pace: Pace,
    /// When the next request is due, at a rate.
    due: Instant,
    /// Counts requests to select the next connection.
    turn: usize,
    sessions: u64,
    chance: Chance,
    answers: Vec<Duration>,
}

impl Load {
    fn start(address: SocketAddr, question: &Question, pace: Pace) -> Result<Self, Box<dyn Error>> {
        let connections = (0..CONNECTIONS).map(|_| Connection::open(address, question));
        Ok(Self {
            connections: connections.collect::<Result<_, _>>()?,
            pace,
            due: now(),
            turn: 0,
            sessions: u64::try_from(question.choices())?,
            chance: Chance::new(),
            answers: Vec::with_capacity(1 << 20),
        })
    }

    fn go_on(&mut self, span: Duration) -> Result<(), Box<dyn Error>> {
        let end = now() + span;
        while now() < end {
            match self.pace {
                Pace::UnderWay(count) => self.keep_under_way(count)?,
                Pace::PerSecond(rate) => self.ask_what_is_due(rate)?,
            }
            self.exchange()?;
        }
        Ok(())
    }

    fn keep_under_way(&mut self, count: usize) -> Result<(), Box<dyn Error>> {
        let asked = now();
        for connection in &mut self.connections {
            while connection.under_way < count && connection.ask(self.chance.below(self.sessions)?, asked) {}
        }
        Ok(())
    }

    fn ask_what_is_due(&mut self, rate: f64) -> Result<(), Box<dyn Error>> {
        while self.due <= now() {
            let turn = self.turn % self.connections.len();
            let session = self.chance.below(self.sessions)?;
            let asked = self.connections.get_mut(turn).is_some_and(|connection| connection.ask(session, self.due));
            if !asked {
                // The server is behind; the request stays due.
                break;
            }
            self.turn += 1;
            self.due += Duration::from_secs_f64(self.chance.pause() / rate);
        }
        Ok(())
    }

    /// Sends, waits and receives. At a rate it does not sleep: waking up would take longer than many an answer.
    fn exchange(&mut self) -> Result<(), Box<dyn Error>> {
        for connection in &mut self.connections {
            connection.flush()?;
        }
        let nanoseconds = if matches!(self.pace, Pace::PerSecond(_)) { 0 } else { 10_000_000 };
        let wait = Timespec { tv_sec: 0, tv_nsec: nanoseconds };
        let mut sockets: Vec<_> = self.connections.iter().map(watched).collect();
        poll(&mut sockets, Some(&wait))?;
        let ready: Vec<_> = sockets.iter().map(|socket| !(socket.revents() - PollFlags::OUT).is_empty()).collect();
        let answers = &mut self.answers;
        for (connection, _) in self.connections.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            connection.receive(|time| answers.push(time))?;
        }
        Ok(())
    }

    /// Waits for the outstanding answers, so that the next server is measured alone.
    fn finish(mut self) -> Result<(), Box<dyn Error>> {
        let deadline = now() + TIMEOUT;
        while self.connections.iter().any(|connection| connection.under_way > 0) {
            if now() > deadline {
                return Err(format!("some questions were not answered within {TIMEOUT:?}").into());
            }
            self.exchange()?;
        }
        Ok(())
    }
}

fn watched(connection: &Connection) -> PollFd<'_> {
    let sending = if connection.has_more_to_send() { PollFlags::OUT } else { PollFlags::empty() };
    PollFd::new(&connection.socket, PollFlags::IN | sending)
}

/// A fast pseudo-random generator, good enough for load (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        Self(u64::from(std::process::id()) ^ 0x5851_f42d_4c95_7f2d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> Result<usize, std::num::TryFromIntError> {
        usize::try_from(self.next() % limit)
    }

    /// The pause between events of a Poisson process with one event per second on average.
    fn pause(&mut self) -> f64 {
        let [_, _, _, _, a, b, c, d] = self.next().to_be_bytes();
        let part = (f64::from(u32::from_be_bytes([a, b, c, d])) + 1.0) / (f64::from(u32::MAX) + 1.0);
        -part.ln()
    }
}
