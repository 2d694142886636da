//! Asks a server one question after the other over a few connections, from one thread. Either as fast as the answers
//! come, or at a rate, at random moments and whether earlier answers are there or not; then a question's time runs from
//! the moment it was due.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::Connection;
use super::latency::Latency;
use super::question::Question;
use super::{Metered, Meters, Round};
use crate::machine::now;

/// As many as an Envoy with as many workers keeps.
const CONNECTIONS: usize = 4;
/// Answers that are not there so long after the last question will not come.
const PATIENCE: Duration = Duration::from_secs(10);
const WARM_UP: Duration = Duration::from_millis(400);

/// How fast to ask.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// So many questions under way on each connection.
    UnderWay(usize),
    /// So many questions each second.
    PerSecond(f64),
}

/// Asks for `span`, after a short warm-up.
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
    /// When the next question is due, at a rate.
    due: Instant,
    /// Whose turn it is then.
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
                // The server is behind; the question stays due.
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

    /// Waits for what is still under way, so that the next server is asked alone.
    fn finish(mut self) -> Result<(), Box<dyn Error>> {
        let deadline = now() + PATIENCE;
        while self.connections.iter().any(|connection| connection.under_way > 0) {
            if now() > deadline {
                return Err(format!("some questions were not answered within {PATIENCE:?}").into());
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

/// Good enough chance, fast (`SplitMix64`).
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

    /// A pause between moments that come at random, once in a second on average.
    fn pause(&mut self) -> f64 {
        let [_, _, _, _, a, b, c, d] = self.next().to_be_bytes();
        let part = (f64::from(u32::from_be_bytes([a, b, c, d])) + 1.0) / (f64::from(u32::MAX) + 1.0);
        -part.ln()
    }
}
