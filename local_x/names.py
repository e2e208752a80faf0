"""X's two spellings of its response fields: the old names, and those of its OpenAPI since August 2026."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, repeat
from typing import Any

SPELLINGS = ("old", "new", "mixed")
NEW = {
    "retweet_count": "repost_count",
    "tweet_count": "post_count",
    "referenced_tweets": "referenced_posts",
    "tweets": "posts",
    "edit_history_tweet_ids": "edit_history_post_ids",
    "note_tweet": "note_post",
    "total_tweet_count": "total_post_count",
}
OLD = {new: old for old, new in NEW.items()}


def spelled(body: Any, spelling: str) -> Any:
    """Return a body with its fields in a spelling of SPELLINGS; `mixed` renames every second one."""
    if spelling == "old":
        return body
    return renamed(body, repeat(True) if spelling == "new" else cycle((True, False)))


def renamed(thing: Any, coin: Iterator[bool]) -> Any:
    """Return a thing, and all inside it, with the new names wherever the coin says so."""
    if isinstance(thing, list):
        return [renamed(one, coin) for one in thing]
    if not isinstance(thing, dict):
        return thing
    return {NEW[name] if name in NEW and next(coin) else name: renamed(value, coin) for name, value in thing.items()}
