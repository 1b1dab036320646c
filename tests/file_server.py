"""A web server on this machine that gives out one file, as badly as it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DATA = bytes(range(256)) * 4096  # 1 MiB, no two offsets alike within 256


@dataclass
class Served:
    """What the server does, and what it was asked."""

    data: bytes = DATA
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # bytes that the next answers send before they break off
    status: int = 200
    to: str = ""  # a redirection
    kind: str = "application/x-tar"
    content_range: str = ""  # in place of the right one
    length: bool = True
    asked: list[str] = field(default_factory=list)  # Range headers


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        served = self.server.served
        asked = self.headers.get("Range", "")
        served.asked.append(asked)
        if self.path == "/moved":
            self._redirect(served.to)
            return
        start = int(asked[6:-1]) if asked and served.ranges else 0
        body = served.data[start:]
        self.send_response(206 if start and served.status == 200 else served.status)
        self.send_header("Content-Type", served.kind)
        if start:
            right = f"bytes {start}-{len(served.data) - 1}/{len(served.data)}"
            self.send_header("Content-Range", served.content_range or right)
        if served.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: served.cuts.pop(0)] if served.cuts else body)

    def _redirect(self, to: str) -> None:
        self.send_response(302)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def serving(served: Served) -> Iterator[str]:
    """The server's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.served = served
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
