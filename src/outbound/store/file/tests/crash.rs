//! F-17: `kill -9` at any moment. This test binary starts itself as a child, which signs users in and out and reports
//! every acknowledgement; the parent kills it and audits the file against the reports.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{env, fs};

use tempfile::TempDir;

use crate::outbound::store::file::*;
use crate::outbound::store::testing::{
    at, attempt, block_on, key, open_file, provider_session, refreshed, resting_on, session, user,
};

const FILE_VARIABLE: &str = "GATEPOST_TEST_CRASH_FILE";
const ROUNDS: u64 = 100;
/// The keys of different rounds do not overlap.
const ROUND_SPAN: u64 = 1_000_000;
const TASKS: u64 = 4;

/// Not a test by itself: the body of the child process.
#[test]
fn child() {
    #[expect(clippy::disallowed_methods, reason = "how the parent tells the child what to do")]
    let Ok(order) = env::var(FILE_VARIABLE) else { return };
    let (round, path) = order.split_once(':').unwrap();
    let (round, path): (u64, PathBuf) = (round.parse().unwrap(), path.into());
    block_on(async {
        let store = open_file(&path);
        let tasks: Vec<_> =
            (0..TASKS).map(|task| tokio::spawn(sign_in_and_out(store.clone(), round * ROUND_SPAN + task))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

fn report(what: &str, number: u64) {
    // One line in one write: the parent reads it whole or not at all.
    let _ = std::io::stdout().lock().write_all(format!("@{what} {number}\n").as_bytes());
}

async fn sign_in_and_out(store: Arc<dyn SessionStore>, first: u64) {
    for number in (first..first + ROUND_SPAN).step_by(usize::try_from(TASKS).unwrap()) {
        let subject = format!("user-{number}");
        let session = resting_on(Some(&format!("sid-{number}")), &subject, 100, 1_000_000);
        store.save(&key(number), session).await.unwrap();
        report("in", number);
        store.touch(&key(number), at(200)).await.unwrap();
        // Announced first: between the announcement and the acknowledgement either outcome is correct.
        match number / TASKS % 5 {
            0 => {
                report("ending", number);
                store.end(&key(number)).await.unwrap();
                report("out", number);
            }
            1 => {
                report("ending", number);
                store.end_user(&user(&subject)).await.unwrap();
                report("out", number);
            }
            2 => {
                report("ending", number);
                store.end_provider_session(&provider_session(&format!("sid-{number}")), None).await.unwrap();
                report("out", number);
            }
            3 => {
                assert!(store.replace(&key(number), refreshed(&subject, 100, 1_000_000, 1)).await.unwrap());
                report("refreshed", number);
            }
            _ => {}
        }
    }
}

fn start(round: u64, path: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["outbound::store::file::tests::crash::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(FILE_VARIABLE, format!("{round}:{}", path.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let reports = BufReader::new(child.stdout.take().unwrap());
    (child, reports)
}

#[derive(Default)]
struct Journal {
    signed_in: BTreeSet<u64>,
    ending: BTreeSet<u64>,
    signed_out: BTreeSet<u64>,
    refreshed: BTreeSet<u64>,
}

impl Journal {
    fn note(&mut self, line: &str) {
        let Some((what, number)) = line.strip_prefix('@').and_then(|line| line.split_once(' ')) else { return };
        let set = match what {
            "in" => &mut self.signed_in,
            "ending" => &mut self.ending,
            "refreshed" => &mut self.refreshed,
            _ => &mut self.signed_out,
        };
        set.insert(number.parse().unwrap());
    }

    async fn audit(&self, store: &dyn SessionStore) {
        for number in &self.signed_in {
            let found = store.load(&key(*number)).await.unwrap();
            let generation = found.map(|stored| stored.session.record().generation);
            if self.signed_out.contains(number) {
                assert!(generation.is_none(), "sign-out {number} was acknowledged and did not hold");
            } else if self.refreshed.contains(number) {
                assert_eq!(generation, Some(1), "refresh {number} was acknowledged and is lost");
            } else if !self.ending.contains(number) {
                assert!(generation.is_some(), "sign-in {number} was acknowledged and is lost");
            }
        }
    }
}

/// Kills the child after a delay that differs from round to round, and records all its reports.
fn one_round(round: u64, path: &Path, journal: &mut Journal) {
    let (mut child, reports) = start(round, path);
    let mut wanted = 5 + round * 13 % 100;
    for line in reports.lines() {
        let line = line.unwrap();
        if line.starts_with('@') {
            wanted = wanted.saturating_sub(1);
        }
        if wanted == 0 {
            // `Child::kill` is SIGKILL. A repeated call is not an error: the rest of the pipe is still read.
            let _ = child.kill();
        }
        journal.note(&line);
    }
    child.wait().unwrap();
}

/// Asserts that the file opens quickly after a kill. Only the processor time of this thread counts: the time that it waits
/// for a processor is not caused by the store.
fn opened_in_time(path: &Path) -> Arc<dyn SessionStore> {
    let before = processor_time();
    let store = open_file(path);
    let took = processor_time().checked_sub(before).unwrap();
    assert!(took < Duration::from_secs(2), "opening took {took:?}");
    store
}

/// The processor time that this thread has used so far.
fn processor_time() -> Duration {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(statistics.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn f_17_what_was_acknowledged_survives_kill_9() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("sessions.db");
    let mut journal = Journal::default();
    for round in 0..ROUNDS {
        one_round(round, &path, &mut journal);
        let store = opened_in_time(&path);
        block_on(journal.audit(&*store));
    }
    assert!(journal.signed_in.len() > 1000, "the child signed users in");
    assert!(journal.signed_out.len() > 500 && journal.refreshed.len() > 100, "and out, and refreshed sessions");
    block_on(async {
        let store = open_file(&path);
        assert!(store.consume_once(&attempt(1), at(5)).await.is_ok(), "the file can still be written");
    });
}

/// A first start that is killed at any moment leaves a file that the next start can use.
#[test]
fn f_17_the_very_first_start_may_be_cut_short() {
    for round in 0..40 {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("sessions.db");
        let (mut child, _reports) = start(round, &path);
        // The file is created first. After that, the child is killed a little later in each round.
        while !path.exists() {
            assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
            std::hint::spin_loop();
        }
        std::thread::sleep(Duration::from_micros(round * 250));
        child.kill().unwrap();
        child.wait().unwrap();
        block_on(async {
            open_file(&path).save(&key(1), session("jane", 100, 200)).await.unwrap();
            assert!(open_file(&path).load(&key(1)).await.unwrap().is_some(), "round {round}");
        });
    }
}
