"""Several keywords in one rule, where X allows fewer rules than keywords are tracked; and whose a tweet is then.

A tweet of such a rule is given to each of its keywords by our own judgement of their queries, so only queries that we
can judge share a rule. Its tag names no keyword.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import orjson

from actors import parse
from core import syntax
from core.syntax import part

log = logging.getLogger(__name__)

PACK = parse.MARK + " several "  # and a checksum; no keyword's name begins with a space
SIGN = f'"{PACK}'.encode()  # in a payload that may be of such a rule
COMMON = " -is:nullcast sample:100"  # what every rule ends with at most


@dataclass(frozen=True)
class Asked:
    """What one rule asks X for: the keywords it is for, and their part of its value."""

    names: tuple[str, ...]
    value: str

    def tag(self) -> str:
        """Return the rule's tag."""
        return parse.MARK + self.names[0] if len(self.names) == 1 else f"{PACK}{crc32(self.value.encode()):08x}"


def asked(keywords: Iterable[Any], room: int, longest: int) -> tuple[list[Asked], dict[str, str]]:
    """Share out keywords (rows with name, query, language) to at most `room` rules of at most `longest` characters.

    Each has its own rule while there is room. Else the shortest share one, and those that find no place are returned
    with the reason, by name. Linear in keywords times rules.
    """
    parts = {row.name: part(row.query, row.language) for row in keywords}
    if len(parts) <= room:
        return [Asked((name,), value) for name, value in parts.items()], {}
    judged = {name: judgeable(value) for name, value in parts.items()}
    # The ones that cannot share come first, then the longest, each to the emptiest rule: the shortest share.
    order = sorted(parts, key=lambda name: (judged[name], -len(parts[name]), name))
    rules: list[list[str]] = [[] for _ in range(room)]
    homeless: dict[str, str] = {}
    for name in order:
        fitting = [rule for rule in rules if not rule or (judged[name] and judged[rule[0]])]
        fitting = [rule for rule in fitting if len(joined([parts[one] for one in (*rule, name)])) <= longest]
        if fitting:
            min(fitting, key=lambda rule: sum(len(parts[one]) for one in rule)).append(name)
        else:
            homeless[name] = f"X allows {room} rules of {longest} characters, and this finds no place in them."
    whole = [Asked(tuple(rule), joined([parts[name] for name in rule]).removesuffix(COMMON)) for rule in rules if rule]
    return whole, homeless


def joined(parts: Sequence[str]) -> str:
    """Return some parts as a rule, as long as it ever gets."""
    return (parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})") + COMMON


def judgeable(value: str) -> bool:
    """Say whether we can tell for every tweet whether a part of a rule matches it."""
    try:
        return syntax.parsed(value, len(value)).exact()
    except syntax.QueryError:
        return False  # an old query, saved before queries were checked: let X say what it thinks of it


class Judge:
    """Knows whose the tweets of shared rules are."""

    def __init__(self) -> None:
        self._queries: dict[str, syntax.Query] = {}  # by casefolded name
        self._met: set[str] = set()  # tags of shared rules whose keywords we know

    def learn(self, keywords: Iterable[Any]) -> None:
        """Take in the tracked keywords (rows with name, query, language)."""
        parts = {row.name.casefold(): part(row.query, row.language) for row in keywords}
        self._queries = {name: syntax.parsed(one, len(one)) for name, one in parts.items() if judgeable(one)}

    def addressed(self, payload: bytes, refresh: Callable[[], object]) -> bytes:
        """Return a payload with the tags of its keywords instead of a shared rule's; any other as it is.

        A rule that was not met before may be for new keywords: then `refresh` makes us learn them first. A tweet that X
        found and none of our queries does has no keyword: that is logged. Linear in the keywords.
        """
        if SIGN not in payload:
            return payload
        try:
            delivered = parse.document(payload)
            shared = {tag for tag in parse.tags_of(delivered) if tag.startswith(PACK)}
        except parse.Malformed:
            return payload
        if not shared:
            return payload
        if shared - self._met:
            refresh()
            self._met |= shared
        names = sorted(self.judged(delivered))
        if not names:
            log.warning("Dropped %s: X found it by a shared rule, we by no keyword of it.", parse.ids_of(delivered))
        others = [rule for rule in delivered["matching_rules"] if rule.get("tag") not in shared]
        own = [{"id": "0", "tag": parse.MARK + name} for name in names]
        return orjson.dumps({**delivered, "matching_rules": others + own})

    def judged(self, delivered: Any) -> set[str]:
        """Return the names of the keywords whose queries match a stream message."""
        tweet = parse.seen(delivered)
        return {name for name, query in self._queries.items() if query.matches(tweet)}
