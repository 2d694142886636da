"""The applications of the demo: wiki and board, told apart by the host they are asked for.

They have no sign-in of their own: each page shows the identity headers that came with the request.
Usage: app.py PORT
"""

import html
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

APPLICATIONS = {"wiki": "Wiki", "board": "Board"}

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #1c2733; }}
  h1 {{ margin-bottom: 0; }}
  p.who {{ color: #52606d; margin-top: .25rem; }}
  table {{ border-collapse: collapse; width: 100%; margin: 1.5rem 0; }}
  th, td {{ text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #dde3e9; vertical-align: top; }}
  th {{ font-weight: 500; white-space: nowrap; }}
  td {{ overflow-wrap: anywhere; }}
  nav a {{ margin-right: 1.25rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p class="who" id="who">{who}</p>
<table id="headers">
<tr><th>Header</th><th>Value</th></tr>
{rows}
</table>
<nav>
<a href="/">Start page</a>
<a href="{other_url}">{other_name}</a>
<a href="{wiki_url}public/">A public page</a>
<a href="/outpost.goauthentik.io/sign_out" id="sign-out">Sign out</a>
</nav>
</body>
</html>
"""


class Application(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self):
        host = self.headers.get("host", "")
        label, _, parent = host.partition(".")
        if label not in APPLICATIONS:
            return self.answer(404, "text/plain", "There is no application here; wiki and board are.\n")
        if urlsplit(self.path).path == "/favicon.ico":
            return self.answer(404, "text/plain", "")
        return self.answer(200, "text/html", self.page(label, parent))

    do_HEAD = do_GET

    def page(self, label, parent):
        identity = [(n, v) for n, v in self.headers.items() if n.lower().startswith("x-authentik-")]
        name = self.headers.get("x-authentik-name") or self.headers.get("x-authentik-username")
        other = "board" if label == "wiki" else "wiki"
        public = self.path.startswith("/public/")
        nobody = "Nobody is signed in: this page is public." if public else "Nobody is signed in."
        rows = "\n".join(f"<tr><td>{html.escape(n)}</td><td>{html.escape(v)}</td></tr>" for n, v in sorted(identity))
        return PAGE.format(
            title=APPLICATIONS[label],
            who=f"You are {html.escape(name)}." if name else nobody,
            rows=rows or "<tr><td colspan=2>no identity headers</td></tr>",
            other_url=html.escape(f"http://{other}.{parent}/"),
            other_name=APPLICATIONS[other],
            wiki_url=html.escape(f"http://wiki.{parent}/"),
        )

    def answer(self, status, content_type, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", f"{content_type}; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Application).serve_forever()
