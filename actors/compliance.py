"""What X wants done with what it deleted or changed, in the forms in which it says so in a stream; and does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from actors.forget import forget, number, written_until
from actors.spool import Spool
from core import erasure
from core.erasure import Gone

TWEET_GONE = {"delete", "drop", "withheld", "status_withheld"}
AUTHOR_GONE = {"user_delete", "user_suspend", "user_protect", "user_withheld"}
AUTHOR_BACK = {"user_undelete", "user_unsuspend", "user_unprotect"}


@dataclass(frozen=True, slots=True)
class Order:
    """What X wants done with tweets or authors: forget, scrub (their place) or welcome (back)."""

    act: str
    gone: Gone
    reason: str


def heed(engine: Engine, spool: Spool, document: Any) -> None:
    """Do what a message of the stream wants, if it is an event of compliance; safe to repeat."""
    for order in ordered(document):
        carry_out(engine, [spool], order)


def carry_out(engine: Engine, spools: list[Spool], order: Order) -> None:
    """Do what X wants."""
    if order.act == "forget":
        forget(engine, spools, order.gone, order.reason)
    elif order.act == "scrub":
        erasure.scrub_places(engine, order.gone, order.reason)
    else:
        erasure.welcome_back(engine, order.gone)


def ordered(document: Any) -> Iterator[Order]:
    """Yield what a message orders, in the form of X's compliance streams or of v1.1; nothing for other messages."""
    whole = document.get("data", document) if isinstance(document, dict) else None
    for name, event in whole.items() if isinstance(whole, dict) else ():
        if isinstance(event, dict) and (order := of_event(name, event)):
            yield order


def of_event(name: str, event: dict[str, Any]) -> Order | None:
    """Return what an event of a name orders."""
    tweet = number(within(event, "tweet") or within(event, "status") or event.get("id"))
    author = number(within(event, "user") or event.get("user_id") or event.get("id"))
    until = written_until(moment(event.get("event_at")))
    if name == "scrub_geo":
        upto = number(event.get("up_to_tweet_id") or event.get("up_to_status_id"))
        return None if author is None else Order("scrub", of_author(author, upto or until), name)
    if name == "tweet_edit":
        return edited(event, tweet)
    if name in TWEET_GONE or name == "undrop":
        act = "welcome" if name == "undrop" else "forget"
        return None if tweet is None else Order(act, Gone(frozenset([tweet])), f"X: {name}")
    if name in AUTHOR_GONE | AUTHOR_BACK:
        act = "welcome" if name in AUTHOR_BACK else "forget"
        return None if author is None else Order(act, of_author(author, until), f"X: {name}")
    return None


def edited(event: dict[str, Any], tweet: int | None) -> Order | None:
    """Order the earlier versions of an edited tweet away: the new one is a tweet of its own."""
    versions = event.get("edit_tweet_ids")
    ids = map(number, [event.get("initial_tweet_id"), *(versions if isinstance(versions, list) else [])])
    known = {one for one in ids if one is not None}
    newest = max(known | {tweet or 0}, default=0)
    return Order("forget", Gone(frozenset(known - {newest})), "X: tweet_edit") if known - {newest} else None


def of_author(author: int, upto: int) -> Gone:
    """Name what an author wrote up to an id."""
    return Gone(authors=frozenset([author]), upto=upto)


def within(event: dict[str, Any], name: str) -> Any:
    """Return the id of an object inside an event."""
    inner = event.get(name)
    return inner.get("id") if isinstance(inner, dict) else None


def moment(told: Any) -> datetime:
    """Return the time of an event; now, when X does not say."""
    try:
        at = datetime.fromisoformat(told)
    except (TypeError, ValueError):
        return datetime.now(UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
