"""Turns the payloads of keywords into scored rows and commits them."""

from __future__ import annotations

import gc
import logging
import os
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

from actors import parse, places, sentiment, terms
from actors.lanes import Stretch
from core import db, queries
from core.batches import NOWHERE, REFUSALS, Batch, Row, newer_author, raise_counts, save_batch, settle_dead

log = logging.getLogger(__name__)

NOT_SCORED: dict[str, Any] = {"sentiment": None, "label": None, "terms": []}  # a retweet has no text of its own


class KeywordTracker:
    """Scores and stores the tweets of a keyword, or of several that have little to do.

    A plain class: the supervisor makes it a Ray actor, a test just calls it. It keeps nothing between calls but its
    database connection, so it may die and be started again at any time.
    """

    def __init__(self, database_url: str):
        self._engine = db.engine(database_url, pool_size=1)

    def add(self, stretches: Sequence[Stretch]) -> int:
        """Score and commit stretches, each of another keyword; returns the id of this process. Safe to repeat.

        All are one transaction. What Postgres refuses is halved until the payloads that it cannot take are alone;
        those become dead letters. Each part moves its lane's position to its own end, and a repeat is halved alike, so
        nothing is counted twice.
        """
        with uncollected():
            self._commit(stretches, [batch(stretch) for stretch in stretches])
        return os.getpid()

    def _commit(self, stretches: Sequence[Stretch], batches: Sequence[Batch]) -> None:
        try:
            save_batch(self._engine, *batches)
            for stretch, one in zip(stretches, batches, strict=True):
                log.info("Committed", extra={"batch": stretch.id, "tweets": len(one.tweets), "dead": len(one.dead)})
        except REFUSALS as refusal:
            log.info("Refused", extra={"batch": [stretch.id for stretch in stretches]})
            if len(stretches) > 1:
                middle = len(stretches) // 2
                self._commit(stretches[:middle], batches[:middle])
                self._commit(stretches[middle:], batches[middle:])
            elif len(stretches[0].payloads) > 1:
                for half in halves(stretches[0]):
                    self.add([half])
            else:
                self._bury(stretches[0], refusal)

    def _bury(self, stretch: Stretch, refusal: Exception) -> None:
        """Keep the one payload of a stretch as a dead letter with the database's word, and go on behind it."""
        [(position, payload)] = stretch.payloads
        # The first line says what is wrong; those behind it may quote the whole tweet.
        word = str(getattr(refusal, "orig", refusal)).splitlines()[0]
        dead = [dead_letter(stretch.spool, position, payload, "refused", word)]
        save_batch(self._engine, Batch(stretch.keyword_id, stretch.spool, stretch.lane, stretch.upto, [], [], dead))


@contextmanager
def uncollected() -> Iterator[None]:
    """Let Python not look for cycles: a batch makes a million objects and none, and each look would cost as much."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def batch(stretch: Stretch) -> Batch:
    """Turn a stretch's payloads into rows of its keyword."""
    found = re.compile(stretch.pattern, re.IGNORECASE).search if stretch.pattern else None
    name = stretch.keyword.casefold()
    tweets: list[Row] = []
    originals: dict[int, parse.Fields] = {}
    authors: dict[int, Row] = {}
    dead: list[Row] = []
    for position, payload in reversed(stretch.payloads):  # the newest first: what is older of an author needs no row
        messages, problems = parse.messages(payload)
        for message in messages:
            if name in keywords_named(message.tags) or (found and found(message.searched)):
                problems += carry(originals, message, stretch.keyword)
                tweets.append(delivered(originals, message, stretch.keyword))
                meet(authors, message)
        if problems:
            dead.append(dead_letter(stretch.spool, position, payload, "malformed", "; ".join(problems)))
    tweets += originals.values()
    met = list(authors.values())
    return Batch(stretch.keyword_id, stretch.spool, stretch.lane, stretch.upto, tweets, met, dead[::-1])


def carry(originals: dict[int, parse.Fields], message: parse.Message, keyword: str) -> list[str]:
    """Keep the row of an original that a retweet carries, once; the next retweets only raise its counts.

    Returns a line if it lacks what a row needs: the retweet is stored without it.
    """
    if message.carried is None:
        return []
    if kept := originals.get(message.carried["id"]):
        raise_counts(kept, message.carried)
        return []
    try:
        original = message.original
    except parse.Malformed as error:
        return [f"original of {message.tweet['id']}: {error}"]
    if original:
        originals[original["id"]] = row(message, original, keyword, matched=False)
    return []


def delivered(originals: dict[int, parse.Fields], message: parse.Message, keyword: str) -> Row:
    """Return the row of the tweet that a message delivers; retweets that came later may have carried it already."""
    if kept := originals.pop(message.tweet["id"], None):
        raise_counts(kept, message.tweet)
        kept["matched"] = True
        return kept
    return row(message, message.tweet, keyword, matched=True)


def meet(authors: dict[int, Row], message: parse.Message) -> None:
    """Keep the newest snapshot of each author that a message brings."""
    for author_id in message.sources:
        seen = authors.get(author_id)
        if seen is None or seen["seen_at"] <= message.tweet["created_at"]:
            row = message.author(author_id)
            authors[author_id] = newer_author(seen, row) if seen else row


def halves(stretch: Stretch) -> tuple[Stretch, Stretch]:
    """Cut a stretch of several payloads in two; the first ends with its own last payload."""
    middle = len(stretch.payloads) // 2
    first, second = stretch.payloads[:middle], stretch.payloads[middle:]
    return replace(stretch, upto=first[-1][0], payloads=first), replace(stretch, payloads=second)


def replay_dead(database_url: str) -> dict[str, int]:
    """Try the dead letters again; returns how many were tried, and how many of them were stored and are gone.

    Each goes to the keywords that its rules' tags name. One that is refused or malformed again stays, and so does one
    that names no keyword tracked now.
    """
    engine = db.engine(database_url)
    trial = f"dead-{uuid.uuid4().hex}"
    tried = stored = 0
    tracker = KeywordTracker(database_url)
    with engine.connect() as connection:
        tracked = {one.name: one.id for one in connection.execute(queries.keywords())}
        letters = connection.execution_options(yield_per=1000).execute(queries.dead_letters())
        for some in letters.partitions():
            ids = try_again(tracker, tracked, trial, [(letter.id, letter.payload) for letter in some])
            tried += len(ids)
            stored += settle_dead(engine, trial, sorted(ids))
    engine.dispose()
    return {"tried": tried, "stored": stored}


def try_again(
    tracker: KeywordTracker, tracked: Mapping[str, int], trial: str, letters: list[tuple[int, bytes]]
) -> set[int]:
    """Give dead letters to the keywords they name, as payloads of the spool `trial`; returns the ids that were given.

    A dead letter's position in that spool is its id. `tracked` has the keywords' ids by name.
    """
    given: set[int] = set()
    keywords = {number: keywords_of(payload) for number, payload in letters}
    for name, keyword_id in tracked.items():
        if ours := [letter for letter in letters if name.casefold() in keywords[letter[0]]]:
            tracker.add([Stretch(keyword_id, name, name, trial, ours[-1][0], ours)])
            given.update(number for number, _ in ours)
    return given


def keywords_of(payload: bytes) -> frozenset[str]:
    """Return the keywords, casefolded, that a payload's rules name; none for one that cannot be read."""
    try:
        return keywords_named(parse.tags_of(parse.document(payload)))
    except parse.Malformed:
        return frozenset()


@lru_cache(maxsize=4096)
def keywords_named(tags: frozenset[str], *, marked: bool = False) -> frozenset[str]:
    """Return the keywords, casefolded, that rules' tags name; with `marked` only those that rules of ours name.

    A tag is the keyword's name in any case; our own rules put a mark before it.
    """
    return frozenset(
        tag.removeprefix(parse.MARK).casefold() for tag in tags if tag.startswith(parse.MARK) or not marked
    )


def dead_letter(spool: str, position: int, payload: bytes, reason: str, detail: str) -> Row:
    """Make the row that keeps a payload which is malformed or refused, and log that it was dropped."""
    detail = detail[:1000]
    log.warning("Dropped %s payload %s:%s: %s", reason, spool, position, detail)
    return {"spool": spool, "position": position, "reason": reason, "detail": detail, "payload": payload}


def row(message: parse.Message, tweet: parse.Fields, keyword: str, *, matched: bool) -> parse.Fields:
    """Add to one of a message's tweets what we make of it: sentiment, words, place."""
    located = place(message.location(tweet["author_id"]))
    made = NOT_SCORED if tweet["kind"] == "retweet" else scored(tweet["text"], tweet["lang"], keyword)
    tweet |= made
    tweet |= located
    tweet["matched"] = matched
    return tweet


@lru_cache(maxsize=20_000)  # texts: an original comes again with each of its retweets
def scored(text: str, lang: str | None, keyword: str) -> parse.Fields:
    """Return a text's sentiment, label and words."""
    score = sentiment.score(text, keyword) if sentiment.scored(lang) else None
    return {"sentiment": score, "label": sentiment.label(score), "terms": terms.terms(text, lang, keyword)}


@lru_cache(maxsize=65_536)
def place(location: str | None) -> parse.Fields:
    """Return the columns of the place that a profile text names; unknown stays unknown."""
    found = places.place(location)
    if found is None:
        return NOWHERE
    return {
        "place": found.name,
        "country_code": found.country_code,
        "latitude": found.latitude,
        "longitude": found.longitude,
        "place_confidence": found.confidence,
    }
