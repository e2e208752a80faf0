"""X's query syntax: reads a query, says where X would refuse it, and which tweets it matches.

A space is AND and binds before OR; `-` negates one operator; parentheses group
(docs.x.com/x-api/posts/filtered-stream/integrate: build-a-rule, operators).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from core.config import TalkerError

LONGEST = 1024  # characters of a rule; 2,048 on X's largest plan
OURS = 64  # of them for what our rules add to a query: its language, a sample, no advertisements
DEEPEST = 50  # groups inside each other
FARTHEST = 6  # tokens apart: "a b"~6
SHORT = 3  # letters; a word of fewer matches too much to stand alone

TOKEN = re.compile(
    r"""(?P<open>\() | (?P<close>\)) | (?P<minus>-)
      | "(?P<phrase>[^"]*)"(?:~(?P<distance>\w*))?
      | (?P<name>\w+):(?P<value>"[^"]*"|\[[^\]]*\]|[^\s()"]*)
      | (?P<tag>[#@][^\s()"]*|\$[a-zA-Z][^\s()"]*)
      | (?P<word>[^\s()"]+)
      | (?P<quote>")""",
    re.VERBOSE,
)
WORD = re.compile(r"\w+")
LINK = re.compile(r"https?://\S+")
TAG = re.compile(r"(?<!\w)[#@$]\w+")
# Written without spaces: how X cuts such a text into words is not known.
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

WHO, NUMBER, ANY, RANGE = r"@?\w{1,20}", r"\d{1,19}", r".*\w.*", r"\d{1,12}(\.\.\d{1,12})?"
LANGUAGE = "[a-z]{2,3}(-[a-z]{2})?"
DECIMAL = r"-?\d+(\.\d+)?"
STANDALONE = {
    **dict.fromkeys(("from", "to", "retweets_of", "from_affiliate_of", "to_affiliate_of"), WHO),
    **dict.fromkeys(("url", "url_title", "url_description", "url_contains", "entity", "source", "embedding"), ANY),
    **dict.fromkeys(("bio", "bio_name", "bio_location", "place"), ANY),
    **dict.fromkeys(("conversation_id", "in_reply_to_tweet_id", "retweets_of_tweet_id"), NUMBER),
    **dict.fromkeys(("followers_count", "tweets_count", "following_count", "listed_count", "min_followers"), RANGE),
    "context": r"\d+\.(\d+|\*)",
    "place_country": "[a-z]{2}",
    "point_radius": rf"\[{DECIMAL} {DECIMAL} {DECIMAL}(mi|km)\]",
    "bounding_box": rf"\[{DECIMAL} {DECIMAL} {DECIMAL} {DECIMAL}\]",
}
CONJUNCTION = {
    "is": "retweet|reply|quote|verified|nullcast",
    "has": "hashtags|cashtags|links|mentions|media|images|video_link|geo",
    "lang": LANGUAGE,
    "sample": "[1-9][0-9]?|100",
    "embedding_threshold": DECIMAL,
}
VALUES = STANDALONE | CONJUNCTION
KNOWN = {"from", "is", "lang", "conversation_id", "in_reply_to_tweet_id", "retweets_of_tweet_id"}
KNOWN |= {"has:hashtags", "has:cashtags", "has:links", "has:mentions"}


class QueryError(TalkerError):
    """A query that X would refuse; `why`, and at which `column`, counted from 1."""

    def __init__(self, why: str, query: str, at: int):
        self.why, self.column = why, at + 1
        marked = f"{query[:at]}\N{BLACK RIGHT-POINTING TRIANGLE}{query[at:]}"
        super().__init__(f"{why} Column {self.column} of the query: {marked}")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a query looks at in a tweet, all of it casefolded.

    Attributes:
        texts: its own text, or the one it retweets, and the one it quotes.
        words: the words of each text in a row, with a space before and after each word.
        facts: what else holds, written as operators: `#cat`, `@ann`, `from:ann`, `lang:en`, `is:reply`, `has:links`.
    """

    texts: tuple[str, ...]
    words: tuple[str, ...]
    facts: frozenset[str]


def seen(texts: Iterable[str], facts: Iterable[str] = ()) -> Seen:
    """Look at a tweet; its #tags, @names and $symbols are found in the texts, too."""
    folded = tuple(text.casefold() for text in texts)
    tags = [tag for text in folded for tag in TAG.findall(text)]
    return Seen(folded, tuple(spaced(words(text)) for text in folded), frozenset([*tags, *map(str.casefold, facts)]))


@dataclass(frozen=True, slots=True)
class Words:
    """A word, words in a row, or words within `distance` of each other."""

    text: str
    at: int
    negated: bool
    distance: int = 0

    def stands_alone(self) -> bool:
        """Say whether it may be a query by itself; a short word may if it is put in quotes."""
        short = self.text.isascii() and self.text.isalnum() and len(self.text) < SHORT
        return not (self.negated or short)

    def exact(self) -> bool:
        """Say whether `matches` knows the answer for every tweet."""
        return not UNSPACED.search(self.text)

    def matches(self, tweet: Seen) -> bool | None:
        """Say whether it matches; None when only X knows."""
        wanted = words(self.text.casefold())
        if self.distance:
            found: bool | None = any(near(wanted, text.split(), self.distance) for text in tweet.words)
        elif wanted and self.exact():
            found = any(spaced(wanted) in text for text in tweet.words)
        else:  # an emoji is no word to us, but may be one to X
            inside = any(self.text.casefold().strip('"') in text for text in tweet.texts)
            found = None if inside and wanted else inside
        return negative(found) if self.negated else found


@dataclass(frozen=True, slots=True)
class Fact:
    """A #tag, @name, $symbol or `name:value`; `text` is casefolded."""

    text: str
    at: int
    negated: bool

    def stands_alone(self) -> bool:
        """Say whether it may be a query by itself."""
        return not (self.negated or self.text.partition(":")[0] in CONJUNCTION)

    def exact(self) -> bool:
        """Say whether `matches` knows the answer for every tweet."""
        return self.text[0] in "#@$" or self.text in KNOWN or self.text.partition(":")[0] in KNOWN

    def matches(self, tweet: Seen) -> bool | None:
        """Say whether it matches; None when only X knows."""
        found = self.text in tweet.facts if self.exact() else None
        return negative(found) if self.negated else found


@dataclass(frozen=True, slots=True)
class Group:
    """Operators and groups joined by OR if `either`, else by AND."""

    parts: tuple[Query, ...]
    either: bool

    def stands_alone(self) -> bool:
        """Say whether it may be a query by itself: of an OR each branch must."""
        return (all if self.either else any)(part.stands_alone() for part in self.parts)

    def exact(self) -> bool:
        """Say whether `matches` knows the answer for every tweet."""
        return all(part.exact() for part in self.parts)

    def matches(self, tweet: Seen) -> bool | None:
        """Say whether it matches; None when only X knows."""
        found = {part.matches(tweet) for part in self.parts}
        return self.either if self.either in found else None if None in found else not self.either


Query = Words | Fact | Group


@lru_cache(maxsize=4096)
def parsed(query: str, longest: int = LONGEST) -> Query:
    """Return what a query of at most so many characters asks for.

    Raises:
        QueryError: X would refuse it.
    """
    if len(query) > longest:
        raise QueryError(f"The query has {len(query)} characters; {longest} are allowed.", query, longest)
    reader = Reader(query)
    found = reader.any_of(depth=0)
    if reader.tokens:
        reader.refuse("A closing parenthesis has no opening one.")
    if not found.stands_alone():
        reader.refuse("This alone would match too much: add a word, a #tag or an @name.", weak(found).at)
    return found


def part(query: str, language: str | None) -> str:
    """Return a keyword's part of a rule, in one language if one is given.

    X's syntax binds AND, a space, before OR: hence the parentheses
    (docs.x.com/x-api/posts/filtered-stream/integrate/build-a-rule).
    """
    return f"({query}){f' lang:{language}' if language else ''}"


class Reader:
    """Reads a query from left to right."""

    def __init__(self, query: str):
        self.query = query
        self.tokens = deque(TOKEN.finditer(query))

    def refuse(self, why: str, at: int | None = None) -> NoReturn:
        """Refuse the query at a place, or at what comes next.

        Raises:
            QueryError: always.
        """
        here = self.tokens[0].start() if self.tokens else len(self.query)
        raise QueryError(why, self.query, here if at is None else at)

    def any_of(self, depth: int) -> Query:
        """Read what is joined by OR."""
        parts = [self.all_of(depth)]
        while self.tokens and self.tokens[0].group() == "OR":
            self.tokens.popleft()
            parts.append(self.all_of(depth))
        return parts[0] if len(parts) == 1 else Group(tuple(parts), either=True)

    def all_of(self, depth: int) -> Query:
        """Read what is joined by spaces."""
        parts: list[Query] = []
        while self.tokens and self.tokens[0].group() not in ("OR", ")"):
            parts.append(self.one(depth))
        if not parts:
            self.refuse("Here a word or an operator is missing.")
        return parts[0] if len(parts) == 1 else Group(tuple(parts), either=False)

    def one(self, depth: int) -> Query:
        """Read one operator, negated or not, or a group."""
        token = self.tokens.popleft()
        if token["open"]:
            return self.group(token.start(), depth)
        if not token["minus"]:
            return self.operator(token, negated=False)
        if not self.tokens or self.tokens[0].start() > token.end() or self.tokens[0].group() in ("-", ")"):
            self.refuse("A minus stands directly before the one operator that it negates.", token.start())
        if self.tokens[0]["open"]:
            self.refuse("A group cannot be negated: negate each operator in it.", token.start())
        return self.operator(self.tokens.popleft(), negated=True)

    def group(self, start: int, depth: int) -> Query:
        """Read on behind an opening parenthesis."""
        if depth == DEEPEST:
            self.refuse(f"Parentheses may be {DEEPEST} deep.", start)
        found = self.any_of(depth + 1)
        if not self.tokens:
            self.refuse("An opening parenthesis has no closing one.", start)
        self.tokens.popleft()
        return found

    def operator(self, token: re.Match[str], *, negated: bool) -> Query:
        """Read a token as one operator."""
        if why := complaint(token, negated=negated):
            self.refuse(why, token.start())
        if token["name"] or token["tag"]:
            return Fact(token.group().casefold().replace(":@", ":"), token.start(), negated)
        text = token["word"] or f'"{token["phrase"]}"'
        return Words(text, token.start(), negated, int(token["distance"] or 0))


def complaint(token: re.Match[str], *, negated: bool) -> str:
    """Say what is wrong with an operator; nothing if nothing is."""
    text = token.group()
    if token["quote"]:
        return "A quotation mark has no partner."
    if token["name"]:
        return wrong_value(token["name"].casefold(), token["value"].casefold(), negated=negated)
    if token["distance"] is not None:
        return wrong_distance(token["phrase"], token["distance"])
    if text.casefold() in ("and", "or"):
        return f"{text!r} as a word needs quotes: AND is a space, and OR stands in capitals between two operators."
    if token["tag"]:
        return "" if WORD.fullmatch(text[1:]) else f"{text!r} is no #tag, @name or $symbol."
    meant = token["phrase"] if token["word"] is None else text
    return "" if words(meant) or not meant.isascii() else f"There is no word in {text!r}."


def wrong_value(name: str, value: str, *, negated: bool) -> str:
    """Say what is wrong with a `name:value` operator."""
    if name not in VALUES:
        return f"X has no operator {name!r}; a word with a colon needs quotes."
    if not re.fullmatch(VALUES[name], value.strip('"')):
        return f"{name}: does not take {value!r}." if value else f"{name}: needs a value, without a space between."
    if (name, value) == ("is", "nullcast") and not negated:
        return "is:nullcast can only be negated."
    return f"{name}: cannot be negated." if negated and name in ("sample", "embedding", "embedding_threshold") else ""


def wrong_distance(phrase: str, distance: str) -> str:
    """Say what is wrong with words that shall be near each other."""
    if len(words(phrase)) < 2:
        return "Before ~ there must be two words or more in quotes."
    near_enough = distance.isdecimal() and 0 < int(distance) <= FARTHEST
    return "" if near_enough else f"After ~ there must be a number from 1 to {FARTHEST}."


def weak(query: Query) -> Words | Fact:
    """Return the first operator of a query that cannot stand alone, to show where that is."""
    while isinstance(query, Group):
        query = next(part for part in query.parts if not part.stands_alone())
    return query


def words(text: str) -> list[str]:
    """Cut a text into words; links have none."""
    return WORD.findall(LINK.sub(" ", text))


def spaced(row: list[str]) -> str:
    """Return words in a row, with a space before and after each."""
    return f" {' '.join(row)} "


def near(wanted: list[str], text: list[str], distance: int) -> bool:
    """Say whether a text has some words, in any order, each at most `distance` words behind the one before."""
    places = [place for place, word in enumerate(text) if word in wanted]
    for first, start in enumerate(places):
        last, found = start, set()
        for place in places[first:]:
            if place - last > distance:
                break
            last = place
            found.add(text[place])
        if found >= set(wanted):
            return True
    return False


def negative(found: bool | None) -> bool | None:
    """Return the opposite; of what nobody knows nobody knows it."""
    return None if found is None else not found
