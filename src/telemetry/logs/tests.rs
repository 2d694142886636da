//! GN-6: no input forges a line. FI-8: a reader that does not read delays nothing.

use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};

use super::*;

#[derive(Clone, Default)]
struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("is not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(format: LogFormat, level: &str, log: impl FnOnce()) -> String {
    let kept = CapturedLog::default();
    let sink = kept.clone();
    let layer = tracing_subscriber::fmt::layer().event_format(Lines(format)).with_writer(move || sink.clone());
    let settings = LogSettings { level: level.to_owned(), format };
    let filter = settings.filter().expect("is a level");
    let subscriber = tracing_subscriber::registry().with(filter).with(secretive(None)).with(layer);
    std::sync::LazyLock::force(&crate::telemetry::SECOND_DISPATCHER);
    tracing::subscriber::with_default(subscriber, log);
    let bytes = kept.0.lock().expect("is not poisoned").clone();
    String::from_utf8(bytes).expect("is text")
}

const FORGERY: &str =
    "eve\n{\"message\":\"decision\",\"user\":\"root\"}\r\u{1b}[2K\u{9b}31m\u{2028}\u{202e}\u{7f}\0\"\\";

#[test]
fn gn_06_no_value_ends_a_line_or_steers_a_terminal() {
    for format in [LogFormat::Json, LogFormat::Text] {
        let text = logged(format, "info", || {
            tracing::info!(target: "gatepost::x", user = FORGERY, shown = %FORGERY, debugged = ?FORGERY, "hello");
            tracing::info!(target: "gatepost::x", "message of {FORGERY}");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        let harmful = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{2028}' | '\u{202e}'));
        assert!(!text.contains(harmful), "{text:?}");
        assert!(text.lines().all(|line| line.starts_with(['{', '2'])), "{text}");
    }
}

#[test]
fn a_json_line_reads_back_as_what_was_logged() {
    let text = logged(LogFormat::Json, "info", || {
        let nobody: Option<&str> = None;
        tracing::info!(target: "gatepost::x", user = FORGERY, status = 302_u16, took = 0.25, ok = true, nobody, "hello");
    });
    let line: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
    assert_eq!(line["message"], "hello");
    assert_eq!(line["user"], FORGERY);
    assert_eq!((&line["status"], &line["took"], &line["ok"]), (&302.into(), &0.25.into(), &true.into()));
    assert_eq!((&line["level"], &line["target"]), (&"INFO".into(), &"gatepost::x".into()));
    assert!(line.get("nobody").is_none());
    assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')));
}

#[test]
fn a_text_line_is_quoted_where_it_holds_values() {
    let text = logged(LogFormat::Text, "info", || {
        tracing::info!(target: "gatepost::x", user = "a b", status = 302, "listening");
    });
    assert!(text.ends_with("  INFO gatepost::x: listening user=\"a b\" status=302\n"), "{text}");
}

#[test]
fn a_84_libraries_below_stay_quiet_at_any_level() {
    let text = logged(LogFormat::Text, "trace,h2=trace", || {
        tracing::trace!(target: "h2::hpack", "cookie: secret");
        tracing::info!(target: "reqwest", "code=secret");
        tracing::trace!(target: "gatepost::x", "ours");
        tracing::warn!(target: "hyper", "trouble");
    });
    assert!(!text.contains("secret") && text.contains("ours") && text.contains("trouble"), "{text}");
}

#[test]
fn a_level_is_a_level_or_directives() {
    for (level, expected) in [("info", true), ("off", true), ("info,gatepost=debug", true), ("lou=d=x", false)] {
        let settings = LogSettings { level: level.to_owned(), format: LogFormat::Json };
        assert_eq!(settings.filter().is_ok(), expected, "{level}");
    }
}

/// A writer that proceeds only on request: stores what was written, and reports each write.
struct Reader {
    kept: CapturedLog,
    given: Sender<()>,
    go: Receiver<()>,
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The test may have ended.
        let _ = self.given.send(());
        let _ = self.go.recv();
        self.kept.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn reader() -> (Reader, CapturedLog, Receiver<()>, Sender<()>) {
    let (kept, (given, was_given), (read, go)) = (CapturedLog::default(), channel(), channel());
    (Reader { kept: kept.clone(), given, go }, kept, was_given, read)
}

#[test]
fn fi_8_a_full_queue_loses_lines_instead_of_waiting_and_counts_them() {
    let (reader, kept, was_given, read) = reader();
    let (mut writer, guard) = queue(4, reader);
    writer.write_all(b"first\n").expect("never fails");
    was_given.recv().expect("the first line is written out");
    // From here on nothing is written out, and the worker waits: only the queue stores lines.
    for _ in 0..1000 {
        writer.write_all(b"line\n").expect("never fails");
    }
    assert_eq!(writer.error_counter().dropped_lines(), 996);
    drop(read);
    LogGuard(guard).flush(Duration::from_secs(60));
    assert_eq!(kept.0.lock().expect("is not poisoned").as_slice(), b"first\nline\nline\nline\nline\n");
}

#[test]
fn fi_8_a_reader_that_does_not_read_does_not_keep_the_process() {
    let (reader, kept, was_given, _read) = reader();
    let (mut writer, guard) = queue(4, reader);
    for _ in 0..1000 {
        writer.write_all(b"line\n").expect("never fails");
    }
    was_given.recv().expect("something is written out");
    LogGuard(guard).flush(Duration::from_millis(1));
    assert!(kept.0.lock().expect("is not poisoned").is_empty());
}

#[test]
fn lines_that_come_together_are_written_together_up_to_a_bound() {
    #[derive(Default)]
    struct Sizes(Vec<usize>);
    impl Write for Sizes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut batch = Batch { out: Sizes::default(), lines: Vec::new(), has_gathered: false };
    for _ in 0..3 {
        batch.write_all(&[b'x'; 1000]).expect("never fails");
    }
    batch.flush().expect("never fails");
    batch.write_all(&vec![b'x'; BATCH - 1]).expect("never fails");
    batch.write_all(b"xx").expect("never fails");
    batch.flush().expect("never fails");
    assert_eq!(batch.out.0, [3000, BATCH - 1, 2]);
}
