"""Makes what X or a person wants forgotten leave Postgres and the spool.

The lake is cleaned by jobs.forget, after the tombstones that this leaves.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Engine

from actors import parse
from actors.spool import Spool
from actors.terms import terms
from core import erasure
from core.erasure import Gone

log = logging.getLogger(__name__)

AT_ONCE = 1_000  # ids in one transaction: batches wait for it
NUMBER = re.compile(rb"\d+")
TWEET = {"text", "full_text", "author_id", "user"}  # an object with one of these is a tweet
PROFILE = {"username", "screen_name"}  # one with these a person,
SPAN = {"start", "indices"}  # unless it says where in a text somebody mentions that person
NOTHING: Any = object()

Fields = dict[str, Any]


def forget(engine: Engine, spools: Sequence[Spool], gone: Gone, reason: str) -> dict[str, int]:
    """Delete tweets with their retweets, and authors with theirs; returns how many were asked for or found with them.

    The tombstones come first, so what the trackers hold meanwhile is not stored either.
    """
    tweets: set[int] = set()
    for some in portions(gone):
        found = erasure.forget(engine, some, reason, words=terms, scrub=cleaned)
        for spool in spools:
            clean(spool, found)
        tweets |= found.tweets
    if tweets or gone.authors:
        log.info("Forgot %d tweets and %d authors: %s.", len(tweets), len(gone.authors), reason)
    return {"tweets": len(tweets), "authors": len(gone.authors)}


def portions(gone: Gone) -> Iterator[Gone]:
    """Cut what is gone into pieces for one transaction each."""
    for few in pieces(sorted(gone.tweets)):
        yield replace(gone, tweets=frozenset(few), authors=frozenset())
    for few in pieces(sorted(gone.authors)):
        yield replace(gone, tweets=frozenset(), authors=frozenset(few))


def pieces(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """Cut a list of ids."""
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def clean(spool: Spool, gone: Gone) -> None:
    """Take what is gone out of the payloads that wait; each keeps its position, empty if need be."""
    spool.rewrite(lambda payload: cleaned(payload, gone) or b"")


def written_until(at: datetime) -> int:
    """Return the highest id that a tweet written until a moment can have."""
    return (int((at.astimezone(UTC) - parse.X_EPOCH).total_seconds() * 1000) + 1 << 22) - 1


def cleaned(payload: bytes, gone: Gone) -> bytes | None:
    """Return a payload without what is gone, the same bytes where it has none of it; None when nothing may stay.

    It may be of any form that X ever sent: an object in it that is a gone tweet, a retweet of one, a tweet by a gone
    author or that author's profile is left out, wherever it is. What is not JSON and names one goes as a whole.
    """
    if not named(payload, gone):
        return payload
    try:
        whole = parse.document(payload)
    except parse.Malformed:
        return None
    left = without(whole, in_detail(whole, gone))
    if left == whole:
        return payload
    return orjson.dumps(left) if left is not NOTHING and parse.tweets_in(left) else None


def named(payload: bytes, gone: Gone) -> bool:
    """Say whether a payload has the number of something that is gone, wherever; most have not."""
    numbers = {int(digits) for digits in NUMBER.findall(payload) if len(digits) < 20}
    return not (numbers.isdisjoint(gone.tweets) and numbers.isdisjoint(gone.authors))


def in_detail(whole: Any, gone: Gone) -> Gone:
    """Name the tweets in a document that are gone with their authors, and leave out authors who are there again."""
    theirs = [(known, author) for known, author in written(whole) if author in gone.authors]
    tweets = gone.tweets.union(known for known, _ in theirs if known <= gone.upto)
    return Gone(tweets, gone.authors.difference(author for known, author in theirs if known > gone.upto))


def written(value: Any) -> Iterator[tuple[int, int]]:
    """Yield each tweet in a JSON value with its author."""
    for one in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        yield from written(one)
    if isinstance(value, dict) and is_tweet(value):
        known, author = number(value.get("id")), author_of(value)
        if known is not None and author is not None:
            yield known, author


def without(value: Any, gone: Gone) -> Any:
    """Return a JSON value without what is gone; NOTHING when it is itself gone."""
    if isinstance(value, list):
        return [left for one in value if (left := without(one, gone)) is not NOTHING]
    if not isinstance(value, dict):
        return value
    if is_gone(value, gone):
        return NOTHING
    return {key: left for key, one in value.items() if (left := without(one, gone)) is not NOTHING}


def is_gone(one: Fields, gone: Gone) -> bool:
    """Say whether an object is a tweet that is gone, a retweet of one, or the profile of an author who is."""
    if is_tweet(one):
        return not gone.tweets.isdisjoint({number(one.get("id")), retweeted(one)} - {None})
    return number(one.get("id")) in gone.authors and not one.keys().isdisjoint(PROFILE) and one.keys().isdisjoint(SPAN)


def is_tweet(one: Fields) -> bool:
    """Say whether an object is a tweet, and not only the name of one as in X's word that it was deleted."""
    return not one.keys().isdisjoint(TWEET) and not one.keys() <= {"id", "author_id"}


def author_of(tweet: Fields) -> int | None:
    """Return the id of a tweet's author, in the form of v2 or v1.1."""
    user = tweet.get("user")
    return number(tweet.get("author_id") or (user.get("id") if isinstance(user, dict) else None))


def retweeted(tweet: Fields) -> int | None:
    """Return the id of the tweet that this one retweets, in the form of v2 or v1.1."""
    status = tweet.get("retweeted_status")
    if isinstance(status, dict):
        return number(status.get("id"))
    references = tweet.get("referenced_tweets") or tweet.get("referenced_posts")
    found = [one for one in references if isinstance(one, dict)] if isinstance(references, list) else []
    return next((number(one.get("id")) for one in found if one.get("type") == "retweeted"), None)


def number(value: Any) -> int | None:
    """Return an id, sent as text or as a number."""
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else None
