"""X's rule language: reads a rule and says which tweets it matches.

A space is AND and binds before OR; `-` negates one operator; parentheses group.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

LONGEST = 1024
DEEPEST = 50  # parentheses inside each other

LINK = re.compile(r"https?://\S+")
WORD = re.compile(r"\w+")
TAG = re.compile(r"(?<!\w)#(\w+)")
HANDLE = re.compile(r"(?<!\w)@(\w+)")
TOKEN = re.compile(r'-?(?:"[^"]*"|[()"]|[^\s()"]+)|-')


class InvalidRule(ValueError):
    """A rule X would refuse; the text says why."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the operators look at in a tweet, all of it casefolded."""

    words: str  # " one two | quoted words ": a keyword or phrase is a part of it between spaces
    tags: frozenset[str]
    handles: frozenset[str]
    author: frozenset[str]  # username and id
    lang: str
    traits: frozenset[str]  # "is:retweet", "has:links", ...
    bucket: int  # 0..99, for sample:


Match = Callable[[Seen], bool]


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a rule; `standalone` says whether it may be a rule by itself."""

    matches: Match
    standalone: bool


def seen(message: Mapping[str, Any]) -> Seen:
    """Look at a stream message (`data` and `includes`) as the rules do.

    A retweet is matched on the whole text of its original, a quote also on the quoted text.
    """
    tweet = message["data"]
    kinds = {reference["type"]: reference["id"] for reference in tweet.get("referenced_tweets", ())}
    included = {other["id"]: other["text"] for other in message["includes"].get("tweets", ())}
    texts = [included[kinds[kind]] for kind in ("retweeted", "quoted") if kinds.get(kind) in included]
    if "retweeted" not in kinds or not texts:
        texts.insert(0, tweet["text"])
    text = "\n".join(texts).casefold()
    author = next(user for user in message["includes"]["users"] if user["id"] == tweet["author_id"])
    return Seen(
        words=words(texts),
        tags=frozenset(TAG.findall(text)),
        handles=frozenset(HANDLE.findall(text)),
        author=frozenset((author["username"].casefold(), author["id"])),
        lang=tweet["lang"],
        traits=traits(text, kinds.keys(), author["verified"]),
        bucket=crc32(tweet["id"].encode()) % 100,
    )


def words(texts: list[str]) -> str:
    """Return the words of some texts between spaces, with a bar between texts no phrase can cross."""
    return "".join(f" {' '.join(WORD.findall(LINK.sub(' ', text.casefold())))} |" for text in texts)


def traits(text: str, kinds: Any, verified: bool) -> frozenset[str]:
    """Name the `is:` and `has:` operators that hold."""
    claims = {
        "is:retweet": "retweeted" in kinds,
        "is:quote": "quoted" in kinds,
        "is:reply": "replied_to" in kinds,
        "is:verified": verified,
        "has:links": "http" in text,
        "has:hashtags": "#" in text,
        "has:mentions": "@" in text,
    }
    return frozenset(claim for claim, holds in claims.items() if holds)


def parsed(value: str, longest: int = LONGEST) -> Match:
    """Return what a rule of at most so many characters matches.

    Raises:
        InvalidRule: X would refuse the rule.
    """
    if len(value) > longest:
        raise InvalidRule(f"Rule value is {len(value)} characters long, at most {longest} are allowed.")
    tokens = deque(TOKEN.findall(value))
    clause = any_of(tokens, depth=0)
    if tokens:
        raise InvalidRule("A closing parenthesis has no opening one.")
    if not clause.standalone:
        raise InvalidRule("Rule must contain at least one positive operator that may stand alone.")
    return clause.matches


def any_of(tokens: deque[str], depth: int) -> Clause:
    """Read clauses joined by OR; they stand alone if each does."""
    clauses = [all_of(tokens, depth)]
    while tokens and tokens[0] == "OR":
        tokens.popleft()
        clauses.append(all_of(tokens, depth))
    if len(clauses) == 1:
        return clauses[0]
    parts = [clause.matches for clause in clauses]
    return Clause(lambda tweet: any(part(tweet) for part in parts), all(clause.standalone for clause in clauses))


def all_of(tokens: deque[str], depth: int) -> Clause:
    """Read clauses joined by spaces; they stand alone if one does."""
    clauses = []
    while tokens and tokens[0] not in ("OR", ")"):
        clauses.append(one_of(tokens, depth))
    if not clauses:
        raise InvalidRule("An operator is missing.")
    if len(clauses) == 1:
        return clauses[0]
    parts = [clause.matches for clause in clauses]
    return Clause(lambda tweet: all(part(tweet) for part in parts), any(clause.standalone for clause in clauses))


def one_of(tokens: deque[str], depth: int) -> Clause:
    """Read one operator, negated or not, or a group."""
    token = tokens.popleft()
    if token[0] == "-" and len(token) > 1:
        return negated(token[1:])
    if token != "(":
        return operator(token)
    if depth == DEEPEST:
        raise InvalidRule(f"Parentheses may be {DEEPEST} deep.")
    group = any_of(tokens, depth + 1)
    if not tokens:
        raise InvalidRule("An opening parenthesis has no closing one.")
    tokens.popleft()
    return group


def negated(token: str) -> Clause:
    """Read an operator after a minus."""
    if token[0] in "(-)":
        raise InvalidRule("Only single operators can be negated: negate each operator of the group.")
    if token == "is:nullcast":
        return Clause(lambda tweet: True, standalone=False)  # nothing here is an advertisement
    if token.startswith("sample:"):
        raise InvalidRule("The sample: operator cannot be negated.")
    matches = operator(token).matches
    return Clause(lambda tweet: not matches(tweet), standalone=False)


def operator(token: str) -> Clause:
    """Read one operator."""
    name, colon, argument = token.partition(":")
    if token[0] == '"':
        return phrase(token)
    if token[0] in "#@":
        return tag_or_handle(token)
    if colon:
        return named(name, argument.casefold())
    if token.casefold() in ("and", "or"):
        raise InvalidRule(f"Ambiguous use of {token!r} as a keyword: join by a space or OR, or quote it.")
    return phrase(token)


def phrase(token: str) -> Clause:
    """Match a keyword, or words in a row."""
    if token == '"':
        raise InvalidRule("A quotation mark has no partner.")
    wanted = " ".join(WORD.findall(token.casefold()))
    if not wanted:
        raise InvalidRule(f"There is no word in {token!r}.")
    return Clause(lambda tweet: f" {wanted} " in tweet.words, standalone=True)


def tag_or_handle(token: str) -> Clause:
    """Match a whole hashtag or a mentioned handle."""
    wanted = token[1:].casefold()
    if not WORD.fullmatch(wanted):
        raise InvalidRule(f"{token!r} is no hashtag or handle.")
    if token[0] == "#":
        return Clause(lambda tweet: wanted in tweet.tags, standalone=True)
    return Clause(lambda tweet: wanted in tweet.handles, standalone=True)


def named(name: str, argument: str) -> Clause:
    """Match a `name:argument` operator."""
    claim = f"{name}:{argument}"
    if name == "from" and WORD.fullmatch(argument.removeprefix("@")):
        author = argument.removeprefix("@")
        return Clause(lambda tweet: author in tweet.author, standalone=True)
    if name == "lang" and re.fullmatch("[a-z]{2,3}", argument):
        return Clause(lambda tweet: tweet.lang == argument, standalone=False)
    if name == "sample" and re.fullmatch("[1-9][0-9]?|100", argument):
        return Clause(lambda tweet: tweet.bucket < int(argument), standalone=False)
    if claim in CLAIMS:
        return Clause(lambda tweet: claim in tweet.traits, standalone=False)
    if claim == "is:nullcast":
        raise InvalidRule("The is:nullcast operator can only be negated.")
    raise InvalidRule(f"There is no operator {claim!r}.")


CLAIMS = traits("#@http", ("retweeted", "quoted", "replied_to"), verified=True)
