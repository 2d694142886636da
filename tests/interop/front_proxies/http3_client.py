"""Sends one request over HTTP/3 with aioquic and prints the answer as JSON.

http3_client.py '{"port": 443, "authority": "host", "method": "GET", "path": "/", "headers": [], "upload": 0}'
"""

import asyncio
import json
import ssl
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamReset


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.headers, self.body = [], b""
        self.ended = asyncio.get_running_loop().create_future()

    def quic_event_received(self, event):
        if isinstance(event, (ConnectionTerminated, StreamReset)) and not self.ended.done():
            self.ended.set_exception(ConnectionError(str(event)))
        for received in self.http.handle_event(event):
            if isinstance(received, HeadersReceived):
                self.headers += [(name.decode(), value.decode()) for name, value in received.headers]
            elif isinstance(received, DataReceived):
                self.body += received.data
            if getattr(received, "stream_ended", False) and not self.ended.done():
                self.ended.set_result(None)

    async def ask(self, request):
        stream = self._quic.get_next_available_stream_id()
        head = {":method": request["method"], ":scheme": "https", ":authority": request["authority"], ":path": request["path"]}
        upload = request["upload"]
        if upload:
            head["content-length"] = str(upload)
        lines = list(head.items()) + [tuple(line) for line in request["headers"]]
        self.http.send_headers(stream, [(name.encode(), value.encode()) for name, value in lines], end_stream=not upload)
        if upload:
            self.http.send_data(stream, b"x" * upload, end_stream=True)
        self.transmit()
        await self.ended


async def main(request):
    configuration = QuicConfiguration(
        is_client=True,
        alpn_protocols=H3_ALPN,
        verify_mode=ssl.CERT_NONE,
        server_name=request["authority"].rsplit(":", 1)[0],
    )
    async with connect("127.0.0.1", request["port"], configuration=configuration, create_protocol=Client) as client:
        await asyncio.wait_for(client.ask(request), 60)
        status = next(int(value) for name, value in client.headers if name == ":status")
        body = client.body.decode(errors="replace")
        print(json.dumps({"status": status, "headers": client.headers, "body": body}))


asyncio.run(main(json.loads(sys.argv[1])))
