"""Follows one keyword: turns payloads into scored rows and commits them."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from actors import parse, places, sentiment, terms
from core import db, queries, store

log = logging.getLogger(__name__)

NOT_SCORED: dict[str, Any] = {"sentiment": None, "label": None, "terms": []}
NOWHERE = dict.fromkeys(("place", "country_code", "latitude", "longitude", "place_confidence"))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Payloads of one spool that may concern a keyword, in order, with their positions.

    `upto` is the last position this stretch covers. `pattern` finds the keyword in texts that came without a rule's
    tag; it is a regular expression, searched in any case.
    """

    spool: str
    upto: int
    payloads: list[tuple[int, bytes]]
    pattern: str | None = None


class KeywordTracker:
    """Scores and stores one keyword's tweets.

    A plain class: the supervisor makes it a Ray actor, a test just calls it. It keeps nothing between calls but its
    database connection, so it may die and be started again at any time.
    """

    def __init__(self, keyword_id: int, name: str, database_url: str):
        self.keyword_id = keyword_id
        self.name = name
        self._engine = db.engine(database_url, pool_size=1)

    def add(self, stretch: Stretch) -> int:
        """Score and commit a stretch, and return its last position. Safe to repeat.

        What Postgres refuses is halved until the payloads that it cannot take are alone; those become dead letters.
        Each part moves the position to its own end, and a repeat is halved alike, so nothing is counted twice.
        """
        try:
            store.save_batch(self._engine, self._batch(stretch))
        except store.REFUSALS as refusal:
            if len(stretch.payloads) > 1:
                for half in halves(stretch):
                    self.add(half)
            else:
                self._bury(stretch, refusal)
        return stretch.upto

    def _batch(self, stretch: Stretch) -> store.Batch:
        """Turn a stretch's payloads into the rows of this keyword."""
        found = re.compile(stretch.pattern, re.IGNORECASE).search if stretch.pattern else None
        tweets: list[store.Row] = []
        authors: list[store.Row] = []
        dead: list[store.Row] = []
        for position, payload in stretch.payloads:
            messages, problems = parse.messages(payload)
            if problems:
                dead.append(dead_letter(stretch.spool, position, payload, "malformed", "; ".join(problems)))
            for message in messages:
                if named(self.name, message.tags) or (found and found(message.searched)):
                    tweets += rows(message, self.name)
                    authors += message.authors
        return store.Batch(self.keyword_id, stretch.spool, self.name, stretch.upto, tweets, authors, dead)

    def _bury(self, stretch: Stretch, refusal: Exception) -> None:
        """Keep the one payload of a stretch as a dead letter with the database's word, and go on behind it."""
        [(position, payload)] = stretch.payloads
        # The first line says what is wrong; those behind it may quote the whole tweet.
        word = str(getattr(refusal, "orig", refusal)).splitlines()[0]
        dead = [dead_letter(stretch.spool, position, payload, "refused", word)]
        store.save_batch(
            self._engine, store.Batch(self.keyword_id, stretch.spool, self.name, stretch.upto, [], [], dead)
        )


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
    with engine.connect() as connection:
        trackers = [KeywordTracker(one.id, one.name, database_url) for one in connection.execute(queries.keywords())]
        letters = connection.execution_options(yield_per=1000).execute(queries.dead_letters())
        for some in letters.partitions():
            ids = try_again(trackers, trial, [(letter.id, letter.payload) for letter in some])
            tried += len(ids)
            stored += store.settle_dead(engine, trial, sorted(ids))
    engine.dispose()
    return {"tried": tried, "stored": stored}


def try_again(trackers: list[KeywordTracker], trial: str, letters: list[tuple[int, bytes]]) -> set[int]:
    """Give dead letters to the trackers they name, as payloads of the spool `trial`; returns the ids that were given.

    A dead letter's position in that spool is its id.
    """
    given: set[int] = set()
    keywords = {number: keywords_of(payload) for number, payload in letters}
    for tracker in trackers:
        if ours := [letter for letter in letters if tracker.name.casefold() in keywords[letter[0]]]:
            tracker.add(Stretch(trial, ours[-1][0], ours))
            given.update(number for number, _ in ours)
    return given


def keywords_of(payload: bytes) -> set[str]:
    """Return the keywords, casefolded, that a payload's rules name; none for one that cannot be read."""
    try:
        return {keyword_of(tag) for tag in parse.tags_of(parse.document(payload))}
    except parse.Malformed:
        return set()


def named(keyword: str, tags: frozenset[str]) -> bool:
    """Say whether a rule's tag names the keyword: the name in any case, with or without our own mark before it."""
    return any(keyword_of(tag) == keyword.casefold() for tag in tags)


def keyword_of(tag: str) -> str:
    """Return the keyword that a rule's tag names, casefolded; our own rules mark theirs."""
    return tag.removeprefix(parse.MARK).casefold()


def dead_letter(spool: str, position: int, payload: bytes, reason: str, detail: str) -> store.Row:
    """Make the row that keeps a payload which is malformed or refused, and log that it was dropped."""
    detail = detail[:1000]
    log.warning("Dropped %s payload %s:%s: %s", reason, spool, position, detail)
    return {"spool": spool, "position": position, "reason": reason, "detail": detail, "payload": payload}


def rows(message: parse.Message, keyword: str) -> Iterator[store.Row]:
    """Yield a message's rows of `tweet`: the tweet itself and the original it carries, which X did not deliver."""
    authors: dict[int, store.Row] = {author["id"]: author for author in message.authors}
    yield row(message.tweet, authors, keyword, matched=True)
    if message.original:
        yield row(message.original, authors, keyword, matched=False)


def row(tweet: store.Row, authors: Mapping[int, store.Row], keyword: str, *, matched: bool) -> store.Row:
    """Return a tweet with what we make of it: sentiment, words, place."""
    located = place(authors.get(tweet["author_id"], {}).get("location"))
    return {**tweet, **scored(tweet, keyword), **located, "matched": matched}


def scored(tweet: store.Row, keyword: str) -> dict[str, Any]:
    """Return a tweet's sentiment, label and words; a retweet has no text of its own."""
    if tweet["kind"] == "retweet":
        return NOT_SCORED
    score = sentiment.score(tweet["text"], keyword) if sentiment.scored(tweet["lang"]) else None
    words = terms.terms(tweet["text"], tweet["lang"], keyword)
    return {"sentiment": score, "label": sentiment.label(score), "terms": words}


def place(location: str | None) -> dict[str, Any]:
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
