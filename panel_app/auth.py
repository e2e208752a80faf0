"""Who is asking: the signed cookie's session is looked up in Postgres for every page, file and websocket.

The cookie holds a random secret, Postgres its hash; what is deleted there has no way in from then on, and sockets that
are open already are closed by `Accounts.sweep`.
"""

from __future__ import annotations

import ipaddress
import secrets
import weakref
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import panel as pn
from bokeh.server.auth_provider import AuthProvider
from bokeh.server.views.doc_handler import DocHandler
from sqlalchemy import Engine
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.web import OutputTransform, RequestHandler
from tornado.websocket import WebSocketHandler

from core import accounts
from core.accounts import Visitor
from core.config import ConfigError, Settings, token_file
from panel_app import data, look
from panel_app.tries import Tries
from panel_app.tweet_card import PICTURES

COOKIE = "user"
COOKIE_DAYS = accounts.LONGEST.days
SWEEP_MILLISECONDS = 3000
SIGN_UPS = ("viewer", "analyst", "closed")
SIGN_INS = ("password", "demo")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Accept-CH": look.SCHEME,  # browsers that know it say what they want before a page is made, and it need not turn
    "Critical-CH": look.SCHEME,  # and ask for their first page once more, with it
}
FRONT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# Bokeh compiles its templates and Panel's components are modules made in the browser; everything else must come from
# here, and a script in the document must bear the number of this very answer: what a stranger smuggles in does not run.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'strict-dynamic' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:{pictures}; font-src 'self' data:; "
    "connect-src 'self' blob:; "
    "worker-src 'self' blob:; object-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def page_policy(nonce: str, images: bool) -> str:
    """Return the policy of a page; people's pictures come from X, if at all."""
    return PAGE_POLICY.format(nonce=nonce, pictures=f" {PICTURES}" if images else "")


class Headers(OutputTransform):
    """Puts the security headers on every answer, Panel's own pages too, which have none."""

    def __init__(self, _request: HTTPServerRequest):
        self._nonce = secrets.token_urlsafe(16)
        self._numbers = False

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Set what the handler has not set itself, and number the scripts of a page of Panel's."""
        if "Content-Security-Policy" not in headers and headers.get("Content-Type", "").startswith("text/html"):
            headers["Content-Security-Policy"] = page_policy(self._nonce, data.settings().app_images)
            self._numbers = True
            chunk = self.transform_chunk(chunk, finishing)
            if "Content-Length" in headers and finishing:
                headers["Content-Length"] = str(len(chunk))
        for name, value in HEADERS.items():
            headers[name] = value
        headers["Server"] = "TwitterTalker"
        return status_code, headers, chunk

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:
        """Number the scripts of a page, which comes in parts."""
        return chunk.replace(b"<script", b'<script nonce="%s"' % self._nonce.encode()) if self._numbers else chunk


class Accounts(AuthProvider):
    """What the server knows of its visitors; `pn.serve` asks it before it answers.

    Attributes:
        hosts: the names by which browsers may call us; a page from elsewhere cannot use ours.
        ended: sessions that ended while a page of theirs is open.
    """

    def __init__(self, engine: Engine, settings: Settings, port: int, handlers: list[tuple[str, type[RequestHandler]]]):
        check(settings)
        self.engine = engine
        self.settings = settings
        self.hosts = hosts(settings, port)
        self.secure = settings.app_url.startswith("https://")
        self.by_address = Tries(30)
        self.by_account = Tries(8)
        self.sign_ups = Tries(10)
        self.ended: set[bytes] = set()
        self._handlers = handlers
        self._sockets: weakref.WeakSet[Any] = weakref.WeakSet()
        super().__init__()

    @property
    def endpoints(self) -> list[tuple[str, type[RequestHandler]]]:
        """The pages in front of the app."""
        return self._handlers

    @property
    def get_login_url(self) -> Any:
        """Where strangers are led: those who know a page to the login, others to what this is."""

        def login_url(handler: RequestHandler) -> str:
            if self.settings.sign_in == "demo":
                return "/demo"
            return "/login" if handler.request.query else "/welcome"

        return login_url

    @property
    def get_user(self) -> Any:
        """Who is asking; None is a stranger."""
        return self.visitor

    def visitor(self, handler: RequestHandler) -> Visitor | None:
        """Return who is asking, and leave it with the request, where `pages_visitor` finds it."""
        request: Any = handler.request
        secret = handler.get_signed_cookie(COOKIE, max_age_days=COOKIE_DAYS) if request.host in self.hosts else None
        found = accounts.visitor(self.engine, accounts.hashed(secret.decode())) if secret else None
        request.visitor, request.door = found, self
        if found and isinstance(handler, WebSocketHandler):
            self._sockets.add(handler)
        if found and isinstance(handler, DocHandler):
            request.xsrf = handler.xsrf_token.decode()
        return found

    def admit(self, handler: RequestHandler, account_id: int) -> None:
        """Sign a browser in, by a session of its own."""
        secret = accounts.open_session(self.engine, account_id)
        handler.set_signed_cookie(COOKIE, secret, expires_days=COOKIE_DAYS, **self.cookie())

    def cookie(self) -> dict[str, Any]:
        """Return what every cookie of ours has in common."""
        return {"httponly": True, "samesite": "Lax", "secure": self.secure, "path": "/"}

    async def sweep(self) -> None:
        """Close the sockets of sessions that had ended at the last sweep; their pages had the time to leave."""
        sockets = {socket: socket.request.visitor.session for socket in list(self._sockets) if socket.ws_connection}
        for socket, session in sockets.items():
            if session in self.ended or made_for(socket) not in (None, session):
                socket.close(4401, "signed out")
        sessions = set(sockets.values())
        # Beside the loop: while Postgres is busy, every page would wait for this.
        loop = IOLoop.current()
        alive = await loop.run_in_executor(None, accounts.signed_in, self.engine, sessions) if sessions else set()
        self.ended = sessions - alive

    def options(self) -> dict[str, Any]:
        """Return what `pn.serve` must be told so that all this holds."""
        cookie_key, session_key = (secret(self.settings.home / name) for name in ("cookie_key", "page_key"))
        return {
            "auth_provider": self,
            "cookie_secret": cookie_key,
            "xsrf_cookies": True,
            "xsrf_cookie_kwargs": {key: value for key, value in self.cookie().items() if key != "path"},
            "secret_key": session_key.encode(),
            "sign_sessions": True,
            # A page holds its token where scripts can read it: no cookie may be in there.
            "include_headers": ["User-Agent", look.SCHEME],
            "include_cookies": [],
            "transforms": [Headers],
            "websocket_origin": sorted(self.hosts),
            "use_xheaders": bool(self.settings.app_url),
        }

    def keep_sweeping(self) -> None:
        """Sweep every few seconds, for as long as the server runs."""
        PeriodicCallback(self.sweep, SWEEP_MILLISECONDS).start()


def check(settings: Settings) -> None:
    """Refuse settings that would open the door wider than somebody means.

    Raises:
        ConfigError: a value is not one of those that the README names, or a demo that others can reach.
    """
    for name, value, known in (
        ("TALKER_SIGN_UP", settings.sign_up, SIGN_UPS),
        ("TALKER_SIGN_IN", settings.sign_in, SIGN_INS),
    ):
        if value not in known:
            raise ConfigError(f"{name}={value!r} is none of {', '.join(known)}.")
    if settings.app_url and not urlsplit(settings.app_url).netloc:
        raise ConfigError(f"TALKER_APP_URL={settings.app_url!r} is not an address such as https://talker.example.com.")
    if settings.sign_in == "demo" and (settings.app_url or not is_loopback(settings.app_address)):
        raise ConfigError("TALKER_SIGN_IN=demo lets everybody in: it needs TALKER_APP_ADDRESS=127.0.0.1.")


def is_loopback(address: str) -> bool:
    """Say whether only this machine itself can reach an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def hosts(settings: Settings, port: int) -> set[str]:
    """Return the hosts that browsers may name when they ask for us."""
    names = {settings.app_address} | ({"localhost"} if is_loopback(settings.app_address) else set())
    public = urlsplit(settings.app_url).netloc
    return {f"{name}:{port}" for name in names} | ({public} if public else set())


def secret(path: Path) -> str:
    """Return the secret of a file that only we may read, made if it is not there.

    Raises:
        ConfigError: somebody put a guessable one there.
    """
    kept = token_file(path).read_text().strip()
    if len(kept) < 32:
        raise ConfigError(f"{path} holds fewer than 32 characters: delete it, and a good one is made.")
    return kept


def made_for(socket: Any) -> bytes | None:
    """Return the session for which a socket's page was made, once the two have met."""
    page = socket.connection and socket.connection._session  # Bokeh's own property is an error once the page was left
    if page is None:
        return None
    made = visitor_of(page.document.session_context)
    return made.session if made else None


def visitor_of(context: Any) -> Visitor | None:
    """Return whom a page was made for."""
    found: Visitor | None = getattr(context.request, "visitor", None)
    return found


def request() -> Any:
    """Return the request for which the page was made that is at work now."""
    document: Any = pn.state.curdoc
    return document.session_context.request


def pages_visitor() -> Visitor:
    """Return whom the page is made for that is being made now.

    Raises:
        AttributeError: it is made for nobody, which the server does not let happen.
    """
    found: Visitor = request().visitor
    return found


def pages_xsrf() -> str:
    """Return the token that the forms of this page must bear, empty if it has none."""
    return str(getattr(request(), "xsrf", None) or "")


def has_ended() -> bool:
    """Say whether the session of the page's visitor has ended, as the last sweep found."""
    door: Accounts = request().door
    return pages_visitor().session in door.ended
