//! A program that a test started: its output is collected, and it ends with the test at the latest.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long a test waits for something that has to happen. It ends a test that hangs and is not a requirement on speed, so
/// it is long enough for a browser on a busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(120);

/// The lines that a program wrote to one or both of its outputs.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Lines {
    fn follow(&self, source: impl Read + Send + 'static) {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                let (kept, changed) = &*lines.0;
                kept.lock().expect("lines").push(String::from_utf8_lossy(&line).into_owned());
                changed.notify_all();
            }
        });
    }

    /// All output so far.
    pub(crate) fn text(&self) -> String {
        self.0.0.lock().expect("lines").join("\n")
    }

    /// The number of lines so far, a position for [`Lines::after`].
    pub(crate) fn count(&self) -> usize {
        self.0.0.lock().expect("lines").len()
    }

    /// Waits for the first line for which `pick` returns `Some`.
    pub(crate) fn find<T>(&self, pick: impl FnMut(&str) -> Option<T>) -> Option<T> {
        self.after(0, pick)
    }

    /// Waits for a line that contains `text`; returns whether it appeared.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.find(|line| line.contains(text).then_some(())).is_some()
    }

    /// Waits for the first line after position `mark` for which `pick` returns `Some`.
    pub(crate) fn after<T>(&self, mark: usize, mut pick: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + TIMEOUT;
        let (kept, changed) = &*self.0;
        let (mut lines, mut seen) = (kept.lock().expect("lines"), mark);
        loop {
            if let Some(found) = lines.iter().skip(seen).find_map(|line| pick(line)) {
                return Some(found);
            }
            seen = lines.len();
            let left = deadline.checked_duration_since(Instant::now())?;
            lines = changed.wait_timeout(lines, left).expect("lines").0;
        }
    }
}

/// A running program.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    pub(crate) out: Lines,
    pub(crate) err: Lines,
}

impl Process {
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let (out, err) = (Lines::default(), Lines::default());
        out.follow(child.stdout.take().expect("its output"));
        err.follow(child.stderr.take().expect("its complaints"));
        Self { name, child, out, err }
    }

    /// Asks it to stop, as a service manager does.
    pub(crate) fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    /// Asks it to stop, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal("INT");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Pauses it, as a host under load may.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// Sends a signal by its name or number.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(sent.expect("sh").success(), "{} is not there any more", self.name);
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match self.child.try_wait().expect("its state") {
                Some(status) => return status,
                None if Instant::now() > deadline => panic!("{} still runs\n{}", self.name, self.last_words()),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }

    /// Kills it without a chance to clean up: `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a process that runs");
        self.child.wait().expect("its end");
    }

    /// Its last output, for the message of a failing test.
    pub(crate) fn last_words(&self) -> String {
        let said = format!("{}\n{}", self.out.text(), self.err.text());
        let lines: Vec<&str> = said.lines().collect();
        format!(
            "last lines of {}:\n{}",
            self.name,
            lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.last_words());
        }
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls until `condition` holds.
pub(crate) async fn eventually<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {TIMEOUT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
