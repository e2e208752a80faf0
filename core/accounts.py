"""Who may do what: accounts, the sessions of signed-in browsers, and what people do. Each write is one transaction."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, Select, cast, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from core.config import TalkerError
from core.models import Account, Event, Export, LoginSession

ROLES = ("viewer", "analyst", "admin")  # each may do what those before it may
IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
SEEN_EVERY = timedelta(minutes=1)  # how exactly a session's last use is kept: a page is dozens of requests
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+")
MOST_EXPORTED = 500  # tweets and people that X lets one user take out as a file on a day; ids alone are not among them
USAGE = ("view", "choice", "export")  # the kinds of events that people can switch off
LENGTHS = {"name": 80, "company": 80, "interest": 500}


class AccountError(TalkerError):
    """An account that cannot be made or is not there; the text may be shown to whoever asked."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in, as of now."""

    account_id: int
    session: bytes  # the hash that names it in the database
    email: str
    name: str
    role: str
    usage: bool

    def may(self, role: str) -> bool:
        """Say whether they have a role, or one above it."""
        return ROLES.index(self.role) >= ROLES.index(role)


def known_email(email: str) -> str:
    """Return an e-mail address in the form in which it names an account.

    Raises:
        AccountError: it is not one.
    """
    email = email.strip().lower()
    if len(email) > 254 or not email.isprintable() or not EMAIL.fullmatch(email):
        raise AccountError("An e-mail address looks like name@example.com.")
    return email


def cleaned(field: str, text: str) -> str:
    """Return one line of what somebody typed in.

    Raises:
        AccountError: it is longer than the field.
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if len(line) > LENGTHS[field]:
        raise AccountError(f"The field {field} holds at most {LENGTHS[field]} characters.")
    return line


def add_account(
    engine: Engine,
    email: str,
    password_hash: str,
    *,
    name: str = "",
    company: str = "",
    interest: str = "",
    role: str = "viewer",
) -> int:
    """Make an account; returns its id.

    Raises:
        AccountError: a field cannot be taken as it is, or the address has an account already.
    """
    email = known_email(email)
    row: dict[str, str | None] = {"name": cleaned("name", name) or email.partition("@")[0][: LENGTHS["name"]]}
    row |= {"company": cleaned("company", company) or None, "interest": cleaned("interest", interest) or None}
    values = {"email": email, "password_hash": password_hash, "role": known_role(role), **row}
    try:
        with engine.begin() as connection:
            return connection.execute(insert(Account).values(values).returning(Account.id)).scalar_one()
    except IntegrityError as error:
        raise AccountError(f"{email} has an account already.") from error


def known_role(role: str) -> str:
    """Return a role if there is such a one.

    Raises:
        AccountError: there is not.
    """
    if role not in ROLES:
        raise AccountError(f"{role!r} is not a role: choose {', '.join(ROLES)}.")
    return role


def credentials(engine: Engine, email: str) -> tuple[int, str] | None:
    """Return the id and the password's hash of an address's account, or None."""
    statement = select(Account.id, Account.password_hash).where(Account.email == email.strip().lower())
    with engine.connect() as connection:
        row = connection.execute(statement).first()
    return row and (row.id, row.password_hash)


def set_password(engine: Engine, account_id: int, password_hash: str) -> None:
    """Give an account another password, and sign it out everywhere.

    Raises:
        AccountError: there is no such account.
    """
    with engine.begin() as connection:
        change(connection.execute(_updated(account_id).values(password_hash=password_hash)).rowcount)
        connection.execute(delete(LoginSession).where(LoginSession.account_id == account_id))


def renew_hash(engine: Engine, account_id: int, password_hash: str) -> None:
    """Keep the same password under a newer hash; nobody is signed out."""
    with engine.begin() as connection:
        connection.execute(_updated(account_id).values(password_hash=password_hash))


def set_role(engine: Engine, account_id: int, role: str) -> None:
    """Give an account another role, from its next click on; the last admin stays one.

    Raises:
        AccountError: no such account or role, or nobody would be an admin any more.
    """
    known_role(role)
    with engine.begin() as connection:
        admins = connection.execute(select(Account.id).where(Account.role == "admin").with_for_update()).scalars().all()
        if list(admins) == [account_id] and role != "admin":
            raise AccountError("This is the only admin: make another account an admin first.")
        change(connection.execute(_updated(account_id).values(role=role)).rowcount)


def set_usage(engine: Engine, account_id: int, recorded: bool) -> None:
    """Let what somebody does in the app be recorded, or not; not also forgets what was recorded."""
    with engine.begin() as connection:
        connection.execute(_updated(account_id).values(usage=recorded))
        if not recorded:
            connection.execute(delete(Event).where(Event.account_id == account_id, Event.kind.in_(USAGE)))


def delete_account(engine: Engine, account_id: int) -> None:
    """Forget an account, its sessions and what it did; feedback stays, without a name."""
    with engine.begin() as connection:
        connection.execute(delete(Event).where(Event.account_id == account_id, Event.kind != "feedback"))
        connection.execute(delete(Account).where(Account.id == account_id))


def open_session(engine: Engine, account_id: int) -> str:
    """Sign an account in; returns the secret that its browser keeps. The database has only the secret's hash."""
    secret = secrets.token_urlsafe(32)
    with engine.begin() as connection:
        connection.execute(delete(LoginSession).where(~_alive()))  # a good moment to sweep
        connection.execute(insert(LoginSession).values(id_hash=hashed(secret), account_id=account_id))
    return secret


def hashed(secret: str) -> bytes:
    """Return what the database keeps of a session's secret; 256 random bits need no slower hash."""
    return hashlib.sha256(secret.encode()).digest()


def visitor(engine: Engine, session: bytes) -> Visitor | None:
    """Return who is signed in by a session, and remember that it was used; None if it ended or never was."""
    with engine.begin() as connection:
        row = connection.execute(_visitors([session])).first()
        if row and row.stale:
            used = update(LoginSession).where(LoginSession.id_hash == session).values(seen_at=func.now())
            connection.execute(used)
    return Visitor(row.id, session, row.email, row.name, row.role, row.usage) if row else None


def signed_in(engine: Engine, sessions: Collection[bytes]) -> set[bytes]:
    """Return which of some sessions have not ended."""
    with engine.connect() as connection:
        return {bytes(row.id_hash) for row in connection.execute(_visitors(sessions))}


def _visitors(sessions: Collection[bytes]) -> Select[*tuple[Any, ...]]:
    stale = LoginSession.seen_at < func.now() - SEEN_EVERY
    known = (Account.id, Account.email, Account.name, Account.role, Account.usage)
    found = select(*known, LoginSession.id_hash, stale.label("stale")).join(LoginSession)
    return found.where(LoginSession.id_hash.in_(sessions), _alive())


def end_session(engine: Engine, session: bytes) -> None:
    """Sign one browser out."""
    with engine.begin() as connection:
        connection.execute(delete(LoginSession).where(LoginSession.id_hash == session))


def end_sessions(engine: Engine, account_id: int) -> None:
    """Sign an account out everywhere."""
    with engine.begin() as connection:
        connection.execute(delete(LoginSession).where(LoginSession.account_id == account_id))


def record(engine: Engine, account_id: int, kind: str, **detail: object) -> None:
    """Note what somebody did: that they chose, never what they read; nothing of those who do not want it."""
    wanted = Account.usage | literal(kind not in USAGE)
    row = select(Account.id, literal(kind), cast(detail, JSONB)).where(Account.id == account_id, wanted)
    with engine.begin() as connection:
        connection.execute(insert(Event).from_select(["account_id", "kind", "detail"], row))


def exported(engine: Engine, account_id: int) -> int:
    """Return how many tweets and people somebody has taken out on this UTC day."""
    today = (Export.account_id == account_id, Export.day == func.current_date())
    with engine.connect() as connection:
        return connection.execute(select(Export.objects).where(*today)).scalar_one_or_none() or 0


def take_out(engine: Engine, account_id: int, objects: int) -> bool:
    """Count tweets and people who are about to leave the app; False, and nothing is counted, if it is too many today.

    One statement both asks and counts, so that two browsers of one account do not get past the limit together.
    """
    if objects > MOST_EXPORTED:
        return False
    row = upsert(Export).values(account_id=account_id, day=func.current_date(), objects=objects)
    more = Export.objects + row.excluded.objects
    counted = row.on_conflict_do_update(
        index_elements=[Export.account_id, Export.day], set_={"objects": more}, where=more <= MOST_EXPORTED
    )
    with engine.begin() as connection:
        return connection.execute(counted.returning(Export.objects)).first() is not None


def change(rows: int) -> None:
    """Refuse a change that met no account.

    Raises:
        AccountError: no row was changed.
    """
    if not rows:
        raise AccountError("There is no such account.")


def _updated(account_id: int) -> Any:
    return update(Account).where(Account.id == account_id)


def _alive() -> Any:
    now = func.now()
    return (LoginSession.seen_at > now - IDLE) & (LoginSession.created_at > now - LONGEST)
