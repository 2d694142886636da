#!/usr/bin/env python3
"""Runs the demo: a real Envoy, a real OpenID Provider, two small applications and Gatepost; Ctrl-C stops them all.

The files beside this one are what runs. Their port numbers are the defaults; where one is taken, a free port is used
instead, in copies under the run folder.
"""

import argparse
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CLIENT_SECRET = "demo-client-secret"  # known to everybody: the demo's provider checks no passwords either
READY_WITHIN = 20.0
STOP_WITHIN = 10.0
DEFAULT_PORTS = {
    "envoy": 10000, "envoy admin": 9901, "gatepost": 9001, "metrics": 9300, "admin": 9302, "applications": 8080, "provider": 9090,
}


class Stop(Exception):
    """Somebody asked the demo to stop."""


class PartFailed(Exception):
    """A part of the demo did not start, or ended by itself."""


class Part:
    """One running program of the demo; what it says goes to a file named after it."""

    def __init__(self, name, command, folder, environment=None):
        self.name = name
        self.log = folder / f"{name}.log"
        with open(self.log, "wb") as log:
            # A session of its own: Ctrl-C at the terminal reaches this script alone, which then stops the parts in order.
            self.process = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})}, start_new_session=True,
            )

    def wait_until(self, is_ready):
        deadline = time.monotonic() + READY_WITHIN
        while not is_ready():
            if self.process.poll() is not None:
                raise PartFailed(self.obituary())
            if time.monotonic() > deadline:
                raise PartFailed(f"{self.name} was not ready within {READY_WITHIN:.0f} s.\n{self.last_lines()}")
            time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                say(f"{self.name} did not stop within {STOP_WITHIN:.0f} s and is killed.")
                self.process.kill()
                self.process.wait()

    def obituary(self):
        status = self.process.returncode
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
        return f"{self.name} ended by itself ({how}).\n{self.last_lines()}"

    def last_lines(self):
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return "\n".join([f"The end of {self.log}:", *(f"    {line}" for line in lines)])


def say(text=""):
    print(text, flush=True)


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def choose_ports(wanted, all_free):
    """The default ports where they are free, others where they are not; all distinct because all are held until the end."""
    held, ports = [], {}
    try:
        for name, default in DEFAULT_PORTS.items():
            default = wanted if wanted and name == "envoy" else 0 if all_free else default
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.append(listener)
            try:
                listener.bind(("127.0.0.1", default))
            except OSError:
                if default == wanted:
                    raise PartFailed(f"Port {wanted} is taken.") from None
                listener.bind(("127.0.0.1", 0))
            listener.listen()
            ports[name] = listener.getsockname()[1]
    finally:
        for listener in held:
            listener.close()
    return ports


def with_ports(source, folder, ports):
    """A copy of a configuration file in which the default ports are the chosen ones."""
    text = source.read_text()
    for name, default in DEFAULT_PORTS.items():
        for before in ("port_value: ", "localhost:", "127.0.0.1:"):
            for after in ("\n", " "):
                text = text.replace(f"{before}{default}{after}", f"{before}\0{name}\0{after}")
    for name, port in ports.items():
        text = text.replace(f"\0{name}\0", str(port))
    copy = folder / source.name
    copy.write_text(text)
    return copy


def build_gatepost():
    say("Building Gatepost in release mode (some minutes the first time) …")
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
    metadata = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"],
                              cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    return Path(json.loads(metadata)["target_directory"]) / "release" / "gatepost"


def provider_settings(ports):
    sign_in = f"http://sign-in.demo.localhost:{ports['envoy']}/outpost.goauthentik.io"
    return json.dumps({
        "port": ports["provider"],
        "clients": [{
            "client_id": "gatepost-demo",
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [f"{sign_in}/callback?X-authentik-auth-callback=true"],
            "post_logout_redirect_uris": [f"{sign_in}/sign_out"],
            "backchannel_logout_uri": f"{sign_in}/backchannel_logout",
            "backchannel_logout_session_required": True,
        }],
    })


def start(parts, folder, ports, binary):
    def add(name, command, is_ready, environment=None):
        part = Part(name, command, folder, environment)
        parts.append(part)
        part.wait_until(is_ready)

    add("provider", ["node", HERE / "provider.mjs", provider_settings(ports)], lambda: accepts(ports["provider"]))
    add("applications", [sys.executable, HERE / "app.py", ports["applications"]], lambda: accepts(ports["applications"]))
    add("gatepost", [binary, "serve", "--config", with_ports(HERE / "gatepost.yaml", folder, ports)],
        lambda: answers(f"http://127.0.0.1:{ports['metrics']}/readyz"),
        {"GATEPOST_DEMO_CLIENT_SECRET": CLIENT_SECRET})
    add("envoy", [ROOT / ".tools/venv/bin/envoy", "-c", with_ports(HERE / "envoy.yaml", folder, ports),
                  "--use-dynamic-base-id", "--log-level", "warning", "--file-flush-interval-msec", "500"],
        lambda: answers(f"http://127.0.0.1:{ports['envoy admin']}/ready"))


def introduce(ports, folder, binary):
    port = ports["envoy"]
    say(f"""
The demo runs. Open

    http://wiki.demo.localhost:{port}/          the first application
    http://board.demo.localhost:{port}/         the second one: signed in already, once you are at the first
    http://wiki.demo.localhost:{port}/public/   a page for everybody

Sign in as alice (admins, staff) or bob (staff) with any password; carol has no access.

Metrics   http://127.0.0.1:{ports['metrics']}/metrics
Sessions  {binary} sessions list --address 127.0.0.1:{ports['admin']}
Envoy     http://127.0.0.1:{ports['envoy admin']}/
Logs      {folder}/*.log (gatepost.log has one line per decision, envoy.log one per request)

Ctrl-C stops everything.
""")


def wait_for_an_end(parts):
    """Returns only by an exception: somebody stops the demo, or a part of it ends."""
    ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    part = next(part for part in parts if part.process.pid == ended.si_pid)
    part.process.wait()
    raise PartFailed(part.obituary())


def on_stop_signals(handler):
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def request_stop(_signal, _frame):
    on_stop_signals(signal.SIG_IGN)  # one request is enough
    raise Stop


def take_folder(folder):
    """Makes the run folder this demo's own and forgets the sign-ins of the one before. Returns the lock to keep open."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise PartFailed(f"another demo runs in {folder}; stop it, or choose another --folder.") from None
    for session_file in folder.glob("sessions.db*"):
        session_file.unlink()
    return lock


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, help="a gatepost that is built already (default: build one in release mode)")
    parser.add_argument("--port", type=int, help="the port to open in the browser (default: 10000, or a free one)")
    parser.add_argument("--free-ports", action="store_true", help="take free ports for everything that no option names")
    parser.add_argument("--folder", type=Path, default=ROOT / "run" / "demo", help="where logs and sessions go")
    return parser.parse_args()


def main():
    options = arguments()
    on_stop_signals(request_stop)
    parts = []
    try:
        subprocess.run([ROOT / "tests/tools/install", "--demo"], check=True)
        binary = (options.binary or build_gatepost()).resolve()
        folder = options.folder.resolve()
        _lock = take_folder(folder)
        ports = choose_ports(options.port, options.free_ports)
        start(parts, folder, ports, binary)
        introduce(ports, folder, binary)
        wait_for_an_end(parts)
    except Stop:
        say("Stopping …")
        return 0
    except PartFailed as failure:
        say(f"The demo stops: {failure}")
        return 1
    except subprocess.CalledProcessError as failure:
        say(f"The demo cannot start: {failure}")
        return 1
    finally:
        on_stop_signals(signal.SIG_IGN)
        for part in reversed(parts):
            part.stop()
        if parts:
            say("Everything has stopped.")


if __name__ == "__main__":
    sys.exit(main())
