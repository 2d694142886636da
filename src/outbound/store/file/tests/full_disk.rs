//! F-18: a disk that accepts no more writes. The child is this test binary with a limit on the size of files, which makes
//! real writes fail with a real error; the parent lowers the limit to 0 and raises it again.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::outbound::store::file::*;
use crate::outbound::store::testing::{at, attempt, block_on, key, open_file, open_uncached, session, user};

const FILE_VARIABLE: &str = "GATEPOST_TEST_FULL_DISK_FILE";

/// Not a test by itself: the body of the child process, one stage per line from the parent.
#[test]
fn child() {
    #[expect(clippy::disallowed_methods, reason = "how the parent tells the child what to do")]
    let Ok(path) = env::var(FILE_VARIABLE) else { return };
    let path = PathBuf::from(path);
    block_on(async {
        // Without a cache, so that every read shows what the file still returns.
        let store = open_uncached(&path);
        for number in 0..50 {
            store.save(&key(number), session(if number < 40 { "jane" } else { "mary" }, 100, 200)).await.unwrap();
        }
        next_stage("saved");
        nothing_can_be_written(&*store).await;
        next_stage("denied");
        everything_is_well_again(&*store).await;
        drop(store);
        let store = open_file(&path);
        assert!(!there(&*store, 0).await && !there(&*store, 45).await && there(&*store, 1).await);
        next_stage("recovered");
    });
}

fn next_stage(done: &str) {
    println!("@{done}");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

async fn there(store: &dyn SessionStore, number: u64) -> bool {
    store.load(&key(number)).await.unwrap().is_some()
}

async fn nothing_can_be_written(store: &dyn SessionStore) {
    for _ in 0..2 {
        let fault = store.save(&key(60), session("john", 100, 200)).await.unwrap_err().to_string();
        assert!(fault.contains("cannot write") && fault.contains("disk I/O error"), "{fault}");
        assert!(fault.contains("no limit on the size of files"), "{fault}");
        assert!(store.consume_once(&attempt(1), at(700)).await.is_err());
        assert!(store.end(&key(0)).await.is_err(), "the caller learns that it was not written");
        assert!(store.end_user(&user("mary")).await.is_err());
        assert!(store.expire(at(150), at(0)).await.is_err());
        store.touch(&key(1), at(150)).await.unwrap();
        for number in 0..50 {
            assert_eq!(there(store, number).await, (1..40).contains(&number), "session {number}");
        }
        assert_eq!(store.load(&key(1)).await.unwrap().unwrap().last_seen, at(150));
    }
}

async fn everything_is_well_again(store: &dyn SessionStore) {
    // The next write includes what could not be written before.
    assert_eq!(store.expire(at(150), at(100)).await.unwrap(), 0);
    assert_eq!(store.end_user(&user("mary")).await.unwrap().len(), 0);
    assert!(!there(store, 0).await && there(store, 1).await);
    assert!(!there(store, 60).await, "a refused sign-in does not come back");
    store.save(&key(60), session("john", 100, 200)).await.unwrap();
    assert!(there(store, 60).await);
}

fn start(path: &Path) -> (Child, ChildStdin, BufReader<ChildStdout>) {
    // With SIGXFSZ ignored, a write beyond the limit fails with an error instead of killing the process.
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args(["outbound::store::file::tests::full_disk::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(FILE_VARIABLE, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (orders, reports) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    (child, orders, reports)
}

fn wait_for(report: &str, reports: &mut BufReader<ChildStdout>) {
    let mut line = String::new();
    while reports.read_line(&mut line).unwrap() > 0 {
        if line.trim().ends_with(&format!("@{report}")) {
            return;
        }
        line.clear();
    }
    panic!("the child ended before `{report}`; see its message above");
}

fn limit_file_size(child: &Child, limit: &str) {
    let set = Command::new("prlimit").arg(format!("--pid={}", child.id())).arg(format!("--fsize={limit}")).status();
    assert!(set.unwrap().success(), "prlimit");
}

#[test]
fn f_18_a_full_disk_denies_sign_ins_keeps_sessions_and_lets_nobody_stay() {
    let directory = TempDir::new().unwrap();
    let (mut child, mut orders, mut reports) = start(&directory.path().join("sessions.db"));
    wait_for("saved", &mut reports);
    limit_file_size(&child, "0:unlimited");
    orders.write_all(b"\n").unwrap();
    wait_for("denied", &mut reports);
    limit_file_size(&child, "unlimited:unlimited");
    orders.write_all(b"\n").unwrap();
    wait_for("recovered", &mut reports);
    orders.write_all(b"\n").unwrap();
    assert!(child.wait().unwrap().success());
}
