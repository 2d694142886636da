//! The stream as a reader of it sees it: whole lines, each once, and the number of those that are missing.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use super::{AuditLog, AuditSettings, OpenFault};
use crate::domain::audit::{AuditEvent, ChangeOutcome, ConfigurationSource};
use crate::outbound::private_file::PrivacyFault;
use crate::ports::AuditTrail as _;
use crate::testing::ManualClock;

const LIMIT: Duration = Duration::from_secs(20);

fn event(number: usize) -> AuditEvent {
    AuditEvent::ConfigurationChanged {
        source: ConfigurationSource::File,
        outcome: ChangeOutcome::Accepted,
        settings: vec![number.to_string()],
        need_restart: Vec::new(),
        faults: Vec::new(),
    }
}

/// The number of an event; `None` for the report of lost ones.
fn number(line: &Value) -> Option<usize> {
    line["settings"][0].as_str().map(|text| text.parse().unwrap())
}

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self) -> AuditSettings {
        AuditSettings::File(self.path("audit.jsonl"))
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        lines(&fs::read_to_string(self.path(name)).unwrap())
    }
}

fn lines(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole: {text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}"))).collect()
}

fn open(settings: &AuditSettings) -> std::sync::Arc<AuditLog> {
    AuditLog::open(settings, ManualClock::at(1_795_979_702)).unwrap()
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn events_are_lines_of_a_file_that_only_its_owner_reads() {
    let place = Place::new();
    for run in 0..2 {
        let log = open(&place.file());
        (0..100).for_each(|number| log.record(event(run * 100 + number)));
        log.close(LIMIT);
    }
    let lines = place.lines("audit.jsonl");
    assert_eq!(lines.iter().map(|line| number(line).unwrap()).collect::<Vec<_>>(), (0..200).collect::<Vec<_>>());
    assert_eq!(
        (&lines[0]["time"], &lines[0]["event"]),
        (&"2026-11-29T19:15:02.000Z".into(), &"configuration_changed".into())
    );
    let mode = fs::metadata(place.path("audit.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_rotation_loses_no_line_and_repeats_none() {
    let place = Place::new();
    let log = open(&place.file());
    let path = place.path("audit.jsonl");
    std::thread::scope(|scope| {
        let recording = scope.spawn(|| (0..5000).for_each(|number| log.record(event(number))));
        for rotation in 0..5 {
            wait_for("lines are written", || {
                fs::metadata(&path).is_ok_and(|file| file.len() > 0) || recording.is_finished()
            });
            fs::rename(&path, place.path(&rotation.to_string())).unwrap();
            log.reopen();
            wait_for("the file is opened again", || path.exists());
        }
    });
    log.close(LIMIT);
    let names = ["0", "1", "2", "3", "4", "audit.jsonl"];
    let numbers: Vec<usize> =
        names.iter().flat_map(|name| place.lines(name)).map(|line| number(&line).unwrap()).collect();
    assert_eq!(numbers, (0..5000).collect::<Vec<_>>());
}

#[test]
fn a_file_that_ends_within_a_line_gets_a_line_break_first() {
    let place = Place::new();
    let path = place.path("audit.jsonl");
    fs::write(&path, "{\"event\":\"den").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let log = open(&place.file());
    log.record(event(1));
    log.close(LIMIT);
    let text = fs::read_to_string(&path).unwrap();
    let (torn, rest) = text.split_once('\n').unwrap();
    assert_eq!((torn, lines(rest).len()), ("{\"event\":\"den", 1));
}

#[test]
fn files_that_others_read_or_write_are_refused() {
    let place = Place::new();
    let clock = || ManualClock::at(1);
    let _first = open(&place.file());
    let second = AuditLog::open(&place.file(), clock());
    assert!(matches!(second, Err(OpenFault::InUse(_))));
    let loose = place.path("loose");
    fs::write(&loose, "").unwrap();
    fs::set_permissions(&loose, fs::Permissions::from_mode(0o644)).unwrap();
    for (path, is_expected) in [
        (loose, (|fault| matches!(fault, PrivacyFault::Loose { .. })) as fn(&PrivacyFault) -> bool),
        (place.folder.path().to_owned(), |fault| matches!(fault, PrivacyFault::NotAFile { .. })),
        (PathBuf::from("/dev/full"), |fault| matches!(fault, PrivacyFault::NotAFile { .. } | PrivacyFault::Io { .. })),
    ] {
        let Err(OpenFault::File(fault)) = AuditLog::open(&AuditSettings::File(path.clone()), clock()) else {
            panic!("{} is taken", path.display())
        };
        assert!(is_expected(&fault), "{fault}");
    }
}

/// The lines that a collector reads until the connection ends or `enough` says so.
fn collect(listener: &UnixListener, mut enough: impl FnMut(&Value) -> bool) -> Vec<Value> {
    let (stream, _) = listener.accept().unwrap();
    let mut collected = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = serde_json::from_str(&line.unwrap()).unwrap();
        let is_enough = enough(&line);
        collected.push(line);
        if is_enough {
            break;
        }
    }
    collected
}

#[test]
fn a_socket_is_connected_again_when_its_reader_comes_back() {
    let place = Place::new();
    let path = place.path("collector");
    let log = open(&AuditSettings::Socket(path.clone()));
    // Nobody listens yet.
    log.record(event(0));
    let listener = UnixListener::bind(&path).unwrap();
    assert_eq!(collect(&listener, |line| number(line) == Some(0)).len(), 1);
    // The reader has closed the connection.
    log.record(event(1));
    log.record(event(2));
    let later = collect(&listener, |line| number(line) == Some(2));
    assert_eq!(later.iter().filter_map(number).collect::<Vec<_>>(), [1, 2]);
    log.close(LIMIT);
}

#[test]
fn events_beyond_the_queue_are_counted_and_the_count_stands_in_the_stream() {
    const EVENTS: usize = 50;
    let place = Place::new();
    let path = place.path("collector");
    let settings = AuditSettings::Socket(path.clone());
    let log = AuditLog::with_queue(&settings, ManualClock::at(1), 4).unwrap();
    let begun = Instant::now();
    (0..EVENTS).for_each(|number| log.record(event(number)));
    assert!(begun.elapsed() < Duration::from_secs(5), "a request never waits");
    let listener = UnixListener::bind(&path).unwrap();
    let collected = collect(&listener, |line| line["event"] == "events_lost");
    let (lost, kept) = collected.split_last().unwrap();
    assert_eq!(lost["cause"], "queue_full");
    // The first ones fill the queue; a later one is kept if the writer has taken one before it.
    let numbers: Vec<_> = kept.iter().filter_map(number).collect();
    assert!(numbers.starts_with(&[0, 1, 2, 3]) && numbers.is_sorted_by(|one, next| one < next), "{kept:?}");
    assert_eq!(numbers.len(), kept.len(), "{kept:?}");
    assert_eq!(kept.len() as u64 + lost["count"].as_u64().unwrap(), EVENTS as u64);
    log.close(LIMIT);
}

#[test]
fn a_stream_that_cannot_be_written_holds_up_no_end() {
    let log = open(&AuditSettings::Socket(Path::new("/nonexistent/collector").to_owned()));
    (0..10).for_each(|number| log.record(event(number)));
    let begun = Instant::now();
    log.close(LIMIT);
    assert!(begun.elapsed() < LIMIT);
}
