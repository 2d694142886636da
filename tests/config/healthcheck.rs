//! `gatepost healthcheck`, and the commands of authentik's outpost image.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use super::support::{Folder, SMALLEST};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn run(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(program).args(arguments).env_clear().envs(variables.iter().copied()).output().unwrap()
}

fn healthcheck(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_gatepost"));
    let output = run(program, &[&["healthcheck"], arguments].concat(), variables);
    assert_eq!(output.stdout, b"");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A listener that gives this answer to one connection, and returns the head that it read. An empty answer closes the
/// connection without one.
fn listener(address: &str, answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(head).unwrap()
    });
    (address, served)
}

#[test]
fn a_ping_that_is_answered_means_healthy() {
    for host in ["127.0.0.1", "[::1]"] {
        let (address, served) = listener(&format!("{host}:0"), NO_CONTENT);
        assert_eq!(healthcheck(&["--address", &address.to_string()], &[]), (Some(0), String::new()));
        let head = served.join().unwrap();
        assert!(head.starts_with("GET /outpost.goauthentik.io/ping HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("host: {address}\r\n")) && head.contains("connection: close\r\n"), "{head}");
    }
}

#[test]
fn any_other_answer_means_unhealthy() {
    for (answer, says) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "answered GET /outpost.goauthentik.io/ping with 200 OK instead of 204",
        ),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "with 404 Not Found instead of 204 No Content"),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", "with 503 Service Unavailable"),
        ("220 mail.example.com ESMTP\r\n", "gave no answer to GET /outpost.goauthentik.io/ping: "),
        ("", "gave no answer to GET /outpost.goauthentik.io/ping: "),
    ] {
        let (address, served) = listener("127.0.0.1:0", answer);
        let address = address.to_string();
        let (code, said) = healthcheck(&["--address", &address], &[]);
        assert_eq!(code, Some(1), "{answer:?}: {said}");
        assert!(said.starts_with(&format!("gatepost: {address} ")) && said.contains(says), "{answer:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        served.join().unwrap();
    }
}

#[test]
fn nobody_and_somebody_silent_mean_unhealthy() {
    let (code, said) = healthcheck(&["--address", "127.0.0.1:1"], &[]);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("gatepost: cannot reach Gatepost at 127.0.0.1:1: "), "{said}");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let (code, said) = healthcheck(&["--address", &address], &[]);
    let expected = format!("gatepost: {address} gave no answer to GET /outpost.goauthentik.io/ping within 3 seconds\n");
    assert_eq!((code, said), (Some(1), expected));
}

#[test]
fn the_address_comes_from_the_file_or_from_authentiks_variable() {
    let folder = Folder::new();
    let path = folder.file();
    let path = path.to_str().unwrap();
    let secret = ("WIKI_CLIENT_SECRET", "x");
    let (address, served) = listener("0.0.0.0:0", NO_CONTENT);
    std::fs::write(path, format!("{SMALLEST}listen: {{ metrics: {} }}\n", address.port())).unwrap();
    let elsewhere = ("AUTHENTIK_LISTEN__METRICS", "127.0.0.1:1");
    assert_eq!(healthcheck(&[], &[secret, elsewhere, ("GATEPOST_CONFIG", path)]), (Some(0), String::new()));
    assert!(served.join().unwrap().contains(&format!("host: 127.0.0.1:{}\r\n", address.port())));

    for written in ["0.0.0.0:{}, 127.0.0.1:1", "127.0.0.1:{}"] {
        let (address, served) = listener("127.0.0.1:0", NO_CONTENT);
        let variables = [
            ("AUTHENTIK_LISTEN__METRICS", &*written.replace("{}", &address.port().to_string())),
            ("AUTHENTIK_TOKEN", "file:///nowhere"),
            ("HTTP_PROXY", "http://127.0.0.1:1"),
            ("GATEPOST_CONFIG", ""),
        ];
        assert_eq!(healthcheck(&["proxy"], &variables), (Some(0), String::new()));
        served.join().unwrap();
    }
}

#[test]
fn a_file_with_faults_is_reported_and_does_not_decide() {
    let folder = Folder::new();
    let path = folder.file();
    let path = path.to_str().unwrap();
    std::fs::write(path, format!("{SMALLEST}lissten: {{}}\n")).unwrap();
    let (address, served) = listener("127.0.0.1:0", NO_CONTENT);
    let address = address.to_string();
    let variables = [("WIKI_CLIENT_SECRET", "x"), ("AUTHENTIK_LISTEN__METRICS", &*address)];
    let (code, said) = healthcheck(&["--config", path], &variables);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with(path) && said.contains("lissten"), "{said}");
    let last = format!("gatepost: `listen.metrics` cannot be read because of these faults; asking {address}");
    assert_eq!(said.lines().last(), Some(&*last));
    served.join().unwrap();

    let (code, said) = healthcheck(&["--config", "no-such-file.yaml"], &[("AUTHENTIK_LISTEN__METRICS", "127.0.0.1:1")]);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("no-such-file.yaml: the file cannot be read"), "{said}");
    assert!(said.contains("; asking 127.0.0.1:1\ngatepost: cannot reach Gatepost at 127.0.0.1:1: "), "{said}");
}

#[test]
fn a_wrong_health_check_is_a_usage_error() {
    for arguments in [&["--address", "localhost"][..], &["--address", ":9300"], &["server"], &["proxy", "proxy"]] {
        assert_eq!(healthcheck(arguments, &[]).0, Some(2), "{arguments:?}");
    }
}

/// The service, ended with the test at the latest.
struct Running {
    process: Child,
    /// Kept open, as the service goes on writing.
    log: BufReader<ChildStderr>,
}

impl Running {
    /// Starts it and waits until it is ready; returns the address of its metrics listener.
    fn start(program: &Path, arguments: &[&str], config: &Path) -> (Self, String) {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir(config.parent().unwrap());
        command.env("GATEPOST_CONFIG", config).env("WIKI_CLIENT_SECRET", "x").stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let mut running = Self { process, log };
        let (mut metrics, mut log) = (None, Vec::new());
        for line in running.log.by_ref().lines().map(Result::unwrap) {
            if let Some((_, address)) = line.split_once("listening listener=\"metrics\" address=\"") {
                metrics = address.strip_suffix('"').map(str::to_owned);
            }
            let is_ready = line.ends_with(" ready");
            log.push(line);
            if is_ready {
                return (running, metrics.unwrap_or_else(|| panic!("no metrics listener in {log:#?}")));
            }
        }
        panic!("it is not ready: {log:#?}");
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        assert_eq!(self.process.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, or the test fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Gatepost's program under another name.
fn linked(folder: &Folder, name: &str) -> PathBuf {
    let link = folder.0.path().join(name);
    symlink(env!("CARGO_BIN_EXE_gatepost"), &link).unwrap();
    link
}

#[test]
fn the_commands_of_authentiks_image_start_the_service_and_check_it() {
    for (name, started_by, checked_by) in
        [("authentik", &["proxy"][..], &["healthcheck", "proxy"][..]), ("proxy", &[], &["healthcheck"])]
    {
        let folder = Folder::new();
        let program = linked(&folder, name);
        let listen = ["grpc", "http", "https", "metrics"].map(|listener| format!("{listener}: 127.0.0.1:0"));
        let text = format!(
            "{SMALLEST}listen: {{ {}, admin: off }}\nlog: {{ format: text }}\nshutdown: {{ delay: 0s }}\n",
            listen.join(", ")
        );
        let text = text.replace("https://sso.example.com/", "http://127.0.0.1:1/");
        std::fs::write(folder.file(), text).unwrap();
        let (running, metrics) = Running::start(&program, started_by, &folder.file());
        let output = run(&program, &[checked_by, &["--address", &metrics]].concat(), &[]);
        assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]), "{name}");
        running.stop();
        let output = run(&program, &[checked_by, &["--address", &metrics]].concat(), &[]);
        assert_eq!(output.status.code(), Some(1), "{name}");
    }
}

#[test]
fn another_name_or_command_does_not_start_the_service() {
    let folder = Folder::new();
    for (name, arguments) in
        [("authentik", &["worker"][..]), ("proxy", &["proxy"]), ("outpost", &[]), ("gate", &["proxy"])]
    {
        let output = run(&linked(&folder, name), arguments, &[]);
        assert_eq!(output.status.code(), Some(2), "{name} {arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("Usage: "), "{name} {arguments:?}");
    }
}
