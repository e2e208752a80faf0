"""Recent search and counts: what X finds of the last seven days, newest first, without retweets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from unicodedata import combining, normalize

from local_x import rules, snowflake
from local_x.archive import Archive
from local_x.connections import iso
from local_x.fields import Shape, UnknownField, page

LONGEST = 512  # characters of a query
REACH = timedelta(days=7)
SPANS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
WINDOW = {"query", "start_time", "end_time", "since_id", "until_id", "next_token", "pagination_token"}
SEARCH = WINDOW | {"max_results", "sort_order"}
COUNTS = WINDOW | {"granularity", "search_count.fields"}


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for: tweets that match, with ids in [first, last)."""

    matches: rules.Match
    first: int
    last: int

    @classmethod
    def asked(cls, query: Mapping[str, str], end: int) -> Window:
        """Read the parameters that search and counts share; `end` is the lowest id still to come.

        Raises:
            UnknownField: X would refuse a parameter's value.
            rules.InvalidRule: X would refuse the query.
        """
        earliest = snowflake.first_id(moment(end) - REACH)
        readers = {"since_id": after, "start_time": time_id, "until_id": int, "end_time": time_id, "next_token": token}
        asked: dict[str, int] = {}
        for name, reader in readers.items():
            if value := query.get(name):
                asked[name] = read(reader, name, value)
        for name in ("since_id", "start_time"):
            if asked.get(name, earliest) < earliest:
                raise UnknownField(name, query[name])
        first = max(asked.get(name, earliest) for name in ("since_id", "start_time"))
        last = min(asked.get(name, end) for name in ("until_id", "end_time", "next_token"))
        return cls(rules.parsed(unaccented(query.get("query", "")), LONGEST), first, min(last, end))

    def found(self, archive: Archive) -> Iterator[dict[str, Any]]:
        """Yield the messages in the window that match, newest first."""
        return (message for message in archive.newest_first(self.first, self.last) if self.matches(seen(message)))


def search(archive: Archive, shape: Shape, query: Mapping[str, str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Answer GET /2/tweets/search/recent; also returns the messages, for the bill."""
    window = Window.asked(query, archive.catch_up())
    size = read(int, "max_results", query.get("max_results", "10"))
    if not 10 <= size <= 100:
        raise UnknownField("max_results", str(size))
    messages = list(islice(window.found(archive), size + 1))
    more, messages = messages[size:], messages[:size]
    meta: dict[str, Any] = {"result_count": len(messages)}
    if messages:
        meta |= {"newest_id": messages[0]["data"]["id"], "oldest_id": messages[-1]["data"]["id"]}
    if more:
        meta["next_token"] = f"b26v{int(meta['oldest_id']):x}"
    return {**page(shape, messages), "meta": meta}, messages


def counts(archive: Archive, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer GET /2/tweets/counts/recent: how many match in each minute, hour or day, empty ones too."""
    granularity = query.get("granularity", "hour")
    if granularity not in SPANS:
        raise UnknownField("granularity", granularity)
    window = Window.asked(query, archive.catch_up())
    span = SPANS[granularity].total_seconds()
    tweets = Counter(int(snowflake.seconds(int(message["data"]["id"])) // span) for message in window.found(archive))
    begin, end = snowflake.seconds(window.first), snowflake.seconds(window.last)
    data = [
        {
            "start": iso(max(begin, number * span)),
            "end": iso(min(end, (number + 1) * span)),
            "tweet_count": tweets[number],
        }
        for number in range(int(begin // span), int(-(-end // span)))
    ]
    return {"data": data, "meta": {"total_tweet_count": tweets.total()}}


def read(reader: Any, name: str, value: str) -> int:
    """Read a parameter.

    Raises:
        UnknownField: it has another form, or is larger than any id.
    """
    try:
        number: int = reader(value)
    except ValueError:
        raise UnknownField(name, value) from None
    if not 0 <= number < 1 << 63:
        raise UnknownField(name, value)
    return number


def after(value: str) -> int:
    """Return the id after a `since_id`."""
    return int(value) + 1


def token(value: str) -> int:
    """Return the id that a page's `next_token` stands for: the last one told."""
    return int(value.removeprefix("b26v"), 16)


def time_id(value: str) -> int:
    """Return the lowest id of a time such as 2026-06-22T09:00:00Z."""
    at = datetime.fromisoformat(value)
    return snowflake.first_id(at if at.tzinfo else at.replace(tzinfo=UTC))


def moment(tweet_id: int) -> datetime:
    """Return the moment of an id."""
    return datetime.fromtimestamp(snowflake.seconds(tweet_id), UTC)


def seen(message: Mapping[str, Any]) -> rules.Seen:
    """Look at a tweet as search does: accents do not matter, and a quoted text is not looked at."""
    data = {**message["data"], "text": unaccented(message["data"]["text"])}
    return rules.seen({"data": data, "includes": {"users": message["includes"]["users"]}})


def unaccented(text: str) -> str:
    """Return a text without accents."""
    return text if text.isascii() else "".join(one for one in normalize("NFD", text) if not combining(one))
