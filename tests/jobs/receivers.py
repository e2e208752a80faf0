"""A webhook's receiver and a mail server, small but real, on a port of this machine."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(server):
    """Serve inside the block; yields the server's port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Receiver(ThreadingHTTPServer):
    """Answers as it is told: a status, or an event to wait for before it says 200.

    `seen` has all that came, `taken` what it accepted, once by key as the README asks of a receiver.
    """

    daemon_threads = True

    def __init__(self, *answers):
        self.answers, self.seen, self.taken = list(answers), [], {}
        super().__init__(("127.0.0.1", 0), Taking)


class Taking(BaseHTTPRequestHandler):
    """One request to a Receiver."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((dict(self.headers), body))
        answer = self.server.answers.pop(0) if self.server.answers else 200
        if isinstance(answer, threading.Event):
            answer.wait(30)
            answer = 200
        if answer == 200:
            self.server.taken[self.headers["Idempotency-Key"]] = body
        self.send_response(answer)
        self.send_header("Location", "http://127.0.0.1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


class PostOffice(socketserver.ThreadingTCPServer):
    """Takes mail, or answers each with a code of its own."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, code=250):
        self.code, self.mails = code, []
        super().__init__(("127.0.0.1", 0), Posting)


class Posting(socketserver.StreamRequestHandler):
    """One conversation with a PostOffice."""

    def handle(self):
        self.say("220 post office")
        while line := self.rfile.readline().decode().strip():
            if line.upper() == "DATA":
                self.say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                mail = b"".join(lines).decode()
                if self.server.code == 250:
                    self.server.mails.append(mail)
                self.say(f"{self.server.code} that is that")
            elif line.upper() == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 well")

    def say(self, words):
        self.wfile.write(words.encode() + b"\r\n")
