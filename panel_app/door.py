"""The pages in front of the app: what this is, sign-up, login, logout, and one's own account.

They are plain forms without any script. Each POST bears Tornado's token and comes from a page of ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tornado.ioloop import IOLoop
from tornado.web import HTTPError, RequestHandler, StaticFileHandler

from core import accounts
from core.accounts import AccountError, Visitor
from panel_app import auth, passwords, tries

T = TypeVar("T")

HTML = Path(__file__).parent / "html"
# A path on this server: `//elsewhere` and `/\elsewhere` lead browsers away.
HERE = re.compile(r"/(?![/\\])[^\\\r\n]*")
WRONG = "E-mail address or password is wrong."
TOO_MANY = f"Too many tries. Wait {math.ceil(tries.SECONDS / 60)} minutes, then try again."
DEMO_EMAIL = "demo@localhost.invalid"


class FrontPage(RequestHandler):
    """What all pages in front of the app have in common."""

    page = ""
    title = ""
    members_only = False

    @property
    def door(self) -> auth.Accounts:
        """The server's accounts."""
        door: auth.Accounts = self.application.auth_provider  # type: ignore[attr-defined]
        return door

    def set_default_headers(self) -> None:
        """Let nothing from elsewhere in, and nothing be kept."""
        self.set_header("Content-Security-Policy", auth.FRONT_POLICY)
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        """Refuse who calls us by a strange name, and forms on others' pages."""
        if self.request.host not in self.door.hosts:
            raise HTTPError(403, reason="This name is not ours: set TALKER_APP_URL")
        origin = self.request.headers.get("Origin")
        if self.request.method == "POST" and origin and urlsplit(origin).netloc not in self.door.hosts:
            raise HTTPError(403, reason="The form is on another page than ours")
        if self.members_only and not self.current_user:
            self.go("/login")

    def get_current_user(self) -> Visitor | None:
        """Return who is asking."""
        return self.door.visitor(self)

    def get_template_path(self) -> str:
        """Return where our templates lie."""
        return str(HTML)

    def show(self, status: int = 200, **values: Any) -> None:
        """Answer with this page; `error` says what was wrong with the last try."""
        self.set_status(status)
        given: dict[str, Any] = {"error": "", "notice": "", "next": self.next(), "typed": self.typed}
        given |= {"visitor": self.current_user, "sign_up": self.door.settings.sign_up, "title": self.title}
        self.render(self.page, **given | values)

    def get(self) -> None:
        """Show the page."""
        self.show()

    def typed(self, field: str) -> str:
        """Return what was typed into a field, so that nobody types it twice."""
        return self.get_body_argument(field, "")

    def next(self) -> str:
        """Return where the visitor wanted to go, if that is here."""
        asked = self.get_argument("next", "/")
        return asked if HERE.fullmatch(asked) else "/"

    def go(self, path: str) -> None:
        """Lead on after a form was taken."""
        self.redirect(path, status=303)

    async def checked(self, password: str, kept: str | None) -> bool:
        """Check a password without holding up anybody's page."""
        return await self.hashing(lambda: passwords.fits(password, kept))

    async def hashing(self, work: Callable[[], T]) -> T:
        """Do what takes a tenth of a second on a thread of its own."""
        return await IOLoop.current().run_in_executor(passwords.pool(), work)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Say what went wrong in a line, never how it looks inside."""
        told = f"{self._reason}." if status_code < 500 else "Something went wrong here. It was logged."
        if status_code == 403 and self.request.method == "POST":
            told = "This form is too old or not ours. Go back, load the page again, and try once more."
        self.render("error.html", title="Sorry", told=told, visitor=None, sign_up="closed")


class Welcome(FrontPage):
    """What the product does, for everybody."""

    page, title = "welcome.html", "Who drives the conversation about your brand"


class Login(FrontPage):
    """Sign in."""

    page, title = "login.html", "Log in"

    def get(self) -> None:
        """Show the form to those who are not in yet."""
        self.go(self.next()) if self.current_user else self.show()

    async def post(self) -> None:
        """Sign in whoever has the right password; the wrong ones wait ever longer for nothing."""
        email, password = self.typed("email").strip().lower(), self.get_body_argument("password", "", strip=False)
        if self.door.by_address.spent(self.request.remote_ip or "") or self.door.by_account.spent(email):
            self.show(429, error=TOO_MANY)
            return
        account_id, kept = accounts.credentials(self.door.engine, email) or (0, None)
        if not await self.checked(password, kept):
            self.show(400, error=WRONG)
            return
        self.door.by_account.forget(email)
        if kept and passwords.outdated(kept):
            renewed = await self.hashing(lambda: passwords.HASHER.hash(password))
            accounts.renew_hash(self.door.engine, account_id, renewed)
        self.door.admit(self, account_id)
        self.go(self.next())


class SignUp(FrontPage):
    """Make an account."""

    page, title = "sign_up.html", "Sign up"

    def prepare(self) -> None:
        """Refuse everybody where nobody may sign up."""
        super().prepare()
        if self.door.settings.sign_up == "closed":
            raise HTTPError(403, reason="Nobody can sign up here: ask whoever runs this for an account")

    async def post(self) -> None:
        """Make the account and sign it in."""
        if self.door.sign_ups.spent(self.request.remote_ip or ""):
            self.show(429, error=TOO_MANY)
            return
        password = self.get_body_argument("password", "", strip=False)
        fields = {name: self.typed(name) for name in ("name", "company", "interest")}
        role = self.door.settings.sign_up
        try:
            email = accounts.known_email(self.typed("email"))
            kept = await self.hashing(lambda: passwords.hashed(password))
            account_id = accounts.add_account(self.door.engine, email, kept, role=role, **fields)
        except AccountError as error:
            self.show(400, error=str(error))
            return
        self.door.admit(self, account_id)
        self.go("/?page=tracking" if role == "analyst" else "/")


class Demo(FrontPage):
    """Sign every browser in as the demo's admin; there only where the settings say so, which others cannot reach."""

    def get(self) -> None:
        """Sign in, and go where the visitor wanted to."""
        if self.door.settings.sign_in != "demo":
            raise HTTPError(404)
        known = accounts.credentials(self.door.engine, DEMO_EMAIL)
        # No password fits this hash.
        made = known or (accounts.add_account(self.door.engine, DEMO_EMAIL, "!", name="Demo", role="admin"), "!")
        self.door.admit(self, made[0])
        self.redirect(self.next())


class Logout(FrontPage):
    """Sign out."""

    def get(self) -> None:
        """Lead those back who come by address: signing out takes a form."""
        self.redirect("/account")

    def post(self) -> None:
        """End this browser's session."""
        if self.current_user:
            accounts.end_session(self.door.engine, self.current_user.session)
        self.clear_cookie(auth.COOKIE)
        self.go("/welcome")


class Account(FrontPage):
    """One's own account: password, what is recorded, and the end of it."""

    page, title, members_only = "account.html", "Your account", True
    DONE = ("The password is changed. Other browsers are signed out.", "What you do is recorded from now on.")
    NOT_RECORDED = "What you do is no longer recorded, and what was is deleted."

    async def post(self) -> None:
        """Do what one of the page's forms asks."""
        forms = {"password": self.change_password, "delete": self.delete, "usage": self.change_usage}
        form = forms.get(self.typed("form"))
        if form is None:
            raise HTTPError(400)
        await form()

    async def proved(self) -> bool:
        """Say whether they know their password; tries count as at the login."""
        me = self.current_user
        if self.door.by_account.spent(me.email):
            self.show(429, error=TOO_MANY)
            return False
        _, kept = accounts.credentials(self.door.engine, me.email) or (0, None)
        if not await self.checked(self.get_body_argument("password", "", strip=False), kept):
            self.show(400, error="The password is wrong.")
            return False
        self.door.by_account.forget(me.email)
        return True

    async def change_password(self) -> None:
        """Take a new password, and sign every other browser out."""
        new = self.get_body_argument("new_password", "", strip=False)
        if not await self.proved():
            return
        try:
            kept = await self.hashing(lambda: passwords.hashed(new))
        except AccountError as error:
            self.show(400, error=str(error))
            return
        accounts.set_password(self.door.engine, self.current_user.account_id, kept)
        self.door.admit(self, self.current_user.account_id)
        self.show(notice=self.DONE[0])

    async def change_usage(self) -> None:
        """Record what they do, or not."""
        recorded = bool(self.typed("usage"))
        accounts.set_usage(self.door.engine, self.current_user.account_id, recorded)
        self.current_user = self.get_current_user()
        self.show(notice=self.DONE[1] if recorded else self.NOT_RECORDED)

    async def delete(self) -> None:
        """Forget the account."""
        if not await self.proved():
            return
        accounts.delete_account(self.door.engine, self.current_user.account_id)
        self.clear_cookie(auth.COOKIE)
        self.go("/welcome")


PAGES: list[tuple[str, type[RequestHandler]]] = [
    ("/welcome", Welcome),
    ("/login", Login),
    ("/sign-up", SignUp),
    ("/demo", Demo),
    ("/logout", Logout),
    ("/account", Account),
]
STYLE = (r"/front/(.*\.css)", StaticFileHandler, {"path": str(HTML)})
