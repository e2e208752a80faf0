"""Events as X API v2 objects, with the field names X has always used (`retweet_count`, `includes.tweets`)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from random import Random
from typing import Any, NamedTuple
from zlib import crc32

from local_x import snowflake, writing
from local_x.people import AIRLINE, HOMES, Home, People, Person, user_id
from local_x.topics import Subject

HASHTAG = re.compile(r"(?<!\w)#(\w+)")
MENTION = re.compile(r"(?<!\w)@(\w+)")
LINK = re.compile(r"https://\S+")
LOCATED = 0.015  # share of tweets that say where they were written

Object = dict[str, Any]
AIRLINE_IDS = {"flyaero_example": str(user_id(AIRLINE))}


class Reaction(NamedTuple):
    """A retweet, reply or quote, with its original's counts just after it."""

    id: int
    kind: str  # X's reference types: retweeted, replied_to, quoted
    person: int
    retweets: int
    replies: int
    quotes: int


@dataclass(slots=True, eq=False)
class Post:
    """A tweet that is nobody's reaction, and all it will set off; `topic` is None for spam."""

    id: int
    person: int
    subject: Subject
    topic: str | None
    warmth: float  # likes for each reaction
    reactions: list[Reaction] = field(default_factory=list)
    fixed: Object = field(default_factory=dict)  # the tweet object but its counts, once somebody asked


class Event(NamedTuple):
    """Something the stream delivers: a tweet, or a reaction to it."""

    id: int
    post: Post
    reaction: Reaction | None = None


def message(event: Event, people: People) -> Object:
    """Return a stream message with all fields and everything that expansions can include."""
    post, reaction = event.post, event.reaction
    author = people.person(post.person)
    if not post.fixed:
        post.fixed = original(post, author)
    if reaction is None:
        return packed(counted(post.fixed), [], [author])
    person = people.person(reaction.person)
    data = REACTIONS[reaction.kind](post, reaction, person, author)
    return packed(data, [as_of(post, reaction)], [person, author])


def packed(data: Object, tweets: list[Object], persons: list[Person]) -> Object:
    """Put a tweet and what belongs to it into the form of the stream."""
    places = {one["geo"]["place_id"] for one in (data, *tweets) if "geo" in one}
    parts = {
        "users": [person.user for person in persons],
        "tweets": tweets,
        "places": [PLACES[place] for place in sorted(places)],
    }
    return {"data": data, "includes": {name: part for name, part in parts.items() if part}}


def original(post: Post, author: Person) -> Object:
    """Return the tweet object of a post without its counts."""
    rng = Random(post.id)
    if post.topic is None:
        text, language = writing.spam(post.person, post.subject), "en"
    else:
        text, language = writing.tweet(rng, post.subject, post.subject.topics[post.topic], author.language)
        text = text.lower() if author.careless else text
    where = {"geo": {"place_id": place_id(author.home)}} if rng.random() < LOCATED else {}
    return tweet(post.id, author, text, language) | where


def now(event: Event, end: int, people: People) -> Object:
    """Return the message of an event as it looks now, when the ids below `end` have happened."""
    whole = message(event, people)
    before = bisect_left(event.post.reactions, end, key=itemgetter(0))
    if before:
        today = as_of(event.post, event.post.reactions[before - 1])
        if event.reaction is None:
            return {**whole, "data": today}
        whole["includes"]["tweets"] = [today]
    return whole


def as_of(post: Post, reaction: Reaction) -> Object:
    """Return the original with the counts it has just after a reaction."""
    likes = int(post.warmth * (reaction.retweets + reaction.replies + reaction.quotes))
    return counted(post.fixed, reaction.retweets, likes, reaction.replies, reaction.quotes)


def retweeted(post: Post, reaction: Reaction, person: Person, author: Person) -> Object:
    """Return a retweet: the text cut short, and as its own counts the original's retweets and no likes."""
    text = writing.retweet(author.user["username"], post.fixed["text"])
    data = tweet(reaction.id, person, text, post.fixed["lang"], {author.user["username"]: author.user["id"]})
    return counted(data | referring("retweeted", post), retweets=reaction.retweets)


def replied(post: Post, reaction: Reaction, person: Person, author: Person) -> Object:
    """Return a reply."""
    handle = author.user["username"]
    text = writing.reply(Random(reaction.id), post.subject, post.subject.topics[post.topic or ""], handle)
    data = tweet(reaction.id, person, text, "en", {handle: author.user["id"]})
    thread = {"conversation_id": str(post.id), "in_reply_to_user_id": author.user["id"]}
    return counted(data | thread | referring("replied_to", post))


def quoted(post: Post, reaction: Reaction, person: Person, author: Person) -> Object:
    """Return a quote; it ends with a link to what it quotes."""
    link = f"https://example.com/{author.user['username']}/status/{post.id}"
    text = writing.quote(Random(reaction.id), post.subject, post.subject.topics[post.topic or ""], link)
    return counted(tweet(reaction.id, person, text, "en") | referring("quoted", post))


def referring(kind: str, post: Post) -> Object:
    """Return the reference to an original."""
    return {"referenced_tweets": [{"type": kind, "id": str(post.id)}]}


def tweet(tweet_id: int, author: Person, text: str, language: str, mentioned: dict[str, str] = AIRLINE_IDS) -> Object:
    """Return the part all tweet objects share."""
    return {
        "id": str(tweet_id),
        "text": text,
        "created_at": snowflake.created_at(tweet_id),
        "author_id": author.user["id"],
        "lang": language,
        "conversation_id": str(tweet_id),
        "edit_history_tweet_ids": [str(tweet_id)],
        "possibly_sensitive": False,
        "synthetic": True,
        **entities(text, AIRLINE_IDS | mentioned),
    }


def counted(data: Object, retweets: int = 0, likes: int = 0, replies: int = 0, quotes: int = 0) -> Object:
    """Return a tweet object with counts."""
    counts = {"retweet_count": retweets, "reply_count": replies, "like_count": likes, "quote_count": quotes}
    return {**data, "public_metrics": {**counts, "bookmark_count": likes // 12, "impression_count": 31 * likes}}


def entities(text: str, mentioned: Mapping[str, str]) -> Object:
    """Return where hashtags, mentions and links stand in a text, in code points; nothing when there is none."""
    found: Object = {}
    if "#" in text:
        found["hashtags"] = [{"start": m.start(), "end": m.end(), "tag": m[1]} for m in HASHTAG.finditer(text)]
    if "@" in text:
        found["mentions"] = [
            {"start": m.start(), "end": m.end(), "username": m[1], "id": mentioned[m[1]]}
            for m in MENTION.finditer(text)
            if m[1] in mentioned
        ]
    if "https" in text:
        found["urls"] = [
            {"start": m.start(), "end": m.end(), "url": m[0], "expanded_url": m[0], "display_url": m[0][8:]}
            for m in LINK.finditer(text)
        ]
    return {"entities": found} if found else {}


def place(home: Home) -> Object:
    """Return X's place object of a city: all it says of a position is a box."""
    west, south = home.longitude - 0.2, home.latitude - 0.15
    box = [round(edge, 2) for edge in (west, south, west + 0.4, south + 0.3)]
    return {
        "id": place_id(home),
        "full_name": f"{home.city}, {home.region}",
        "name": home.city,
        "country": home.country,
        "country_code": home.country_code,
        "place_type": "city",
        "geo": {"type": "Feature", "bbox": box, "properties": {}},
    }


def place_id(home: Home) -> str:
    """Return the id of a city, 16 hexadecimal digits as X's."""
    return f"{crc32(home.city.encode()):016x}"


REACTIONS = {"retweeted": retweeted, "replied_to": replied, "quoted": quoted}
PLACES = {place_id(home): place(home) for home in HOMES}
