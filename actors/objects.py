"""X's objects as X documents them, API v2: those of their fields that we use.

X renamed some fields in its OpenAPI 2.167 of August 2026; the wire may use either spelling.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, field

BIGINT = 2**63 - 1

Id = Annotated[int, Meta(gt=0, le=BIGINT)] | None  # X sends it as text, older versions as a number
Count = Annotated[int, Meta(ge=0, le=BIGINT)] | None
Text = str | None

T = TypeVar("T", bound=Struct)


class Counts(Struct, gc=False, frozen=True):
    """`public_metrics` of a tweet or a user."""

    retweet_count: Count = None
    repost_count: Count = None
    like_count: Count = None
    reply_count: Count = None
    quote_count: Count = None
    followers_count: Count = None
    following_count: Count = None
    tweet_count: Count = None
    post_count: Count = None
    listed_count: Count = None


class Reference(Struct, gc=False):
    """The tweet that another retweets, quotes or answers."""

    type: Text = None
    id: Id = None


class Mention(Struct, gc=False):
    """An account that a text names."""

    id: Id = None


class Part(Struct, gc=False):
    """A part of a text of which only counts that it is there."""


class Entities(Struct, gc=False, frozen=True):
    """What X found in a text."""

    mentions: list[Mention] = []
    hashtags: list[Part] = []
    cashtags: list[Part] = []
    urls: list[Part] = []


class Note(Struct, gc=False, frozen=True):
    """The whole of a long tweet, whose `text` is cut short."""

    text: Text = None


# What most tweets do not have is made but once.
NO_COUNTS, NO_ENTITIES, NO_NOTE = Counts(), Entities(), Note()


class Brief(Struct, gc=False):
    """What a tweet is about."""

    id: Id = None
    referenced_tweets: list[Reference] = []
    referenced_posts: list[Reference] = []

    @property
    def references(self) -> list[Reference]:
        """Return what it retweets, quotes or answers."""
        return self.referenced_tweets or self.referenced_posts


class Tweet(Brief, gc=False):
    """A tweet."""

    author_id: Id = None
    conversation_id: Id = None
    created_at: Text = None
    text: Text = None
    lang: Text = None
    note_tweet: Note = NO_NOTE
    note_post: Note = NO_NOTE
    entities: Entities = NO_ENTITIES
    public_metrics: Counts = NO_COUNTS
    synthetic: Any = None


class User(Struct, gc=False):
    """An account."""

    id: Id = None
    username: Text = None
    name: Text = None
    location: Text = None
    profile_image_url: Text = None
    created_at: Text = None
    verified: Any = None
    public_metrics: Counts = NO_COUNTS
    synthetic: Any = None


class Includes(Struct, gc=False):
    """What tweets bring with them."""

    users: list[User] = []
    tweets: list[Tweet] = []
    posts: list[Tweet] = []

    def accounts(self) -> dict[int, User]:
        """Return the users by id."""
        return {one.id: one for one in self.users if one.id}

    def carried(self) -> dict[int, Tweet]:
        """Return the tweets by id."""
        return {one.id: one for one in self.tweets or self.posts if one.id}


class Rule(Struct, gc=False):
    """A rule of the stream."""

    tag: Text = None


class Matches(Struct, gc=False):
    """What every message of the stream tells of our rules."""

    matching_rules: list[Rule] = []


class Delivery(Matches, gc=False):
    """A message of the stream."""

    data: Tweet = field(default_factory=Tweet)
    includes: Includes = field(default_factory=Includes)


class Summary(Struct, gc=False):
    """A message of the stream as far as it tells what it is about."""

    data: Brief = field(default_factory=Brief)


def read(kind: type[T], value: Any) -> T:
    """Return a JSON value as one of X's objects.

    What is missing, and what comes in a form that cannot be read, is as if X had not sent it.
    """
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        return _salvaged(kind, value)


def _salvaged(kind: type[T], value: Any) -> T:
    """Read an object field by field."""
    readable = {}
    for one in msgspec.structs.fields(kind) if isinstance(value, dict) else ():
        with suppress(msgspec.ValidationError):
            if one.name in value:
                readable[one.name] = _part(one.type, value[one.name])
    return kind(**readable)


def _part(kind: Any, value: Any) -> Any:
    if get_origin(kind) is list and isinstance(value, list):
        return [read(get_args(kind)[0], one) for one in value if isinstance(one, dict)]
    is_object = isinstance(kind, type) and issubclass(kind, Struct) and isinstance(value, dict)
    return read(kind, value) if is_object else msgspec.convert(value, kind, strict=False)
