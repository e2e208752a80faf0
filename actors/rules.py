"""Makes the stream's rules on X equal the tracked keywords.

A rule's tag is `tt:` and the keyword's name. Rules without that mark are somebody else's and are left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import tweepy

log = logging.getLogger(__name__)

MARK = "tt:"


@dataclass(frozen=True, order=True)
class Rule:
    """What X is asked for, and the tag it gives the tweets that match."""

    value: str
    tag: str


def wanted(keywords: Iterable[Any]) -> set[Rule]:
    """Return the rules for keywords (rows with name, query, language); advertisements shown to some only are left out.

    X's syntax binds AND, a space, before OR: hence the parentheses
    (docs.x.com/x-api/posts/filtered-stream/integrate/build-a-rule).
    """
    return {Rule(rule_value(row.query, row.language), MARK + row.name) for row in keywords}


def rule_value(query: str, language: str | None) -> str:
    """Return the query as a rule, in one language if one is given."""
    return f"({query}){f' lang:{language}' if language else ''} -is:nullcast"


def reconcile(client: tweepy.StreamingClient, rules: set[Rule]) -> list[str]:
    """Add what is missing and delete what is no longer wanted, in that order; returns X's refusals, a line each.

    Raises:
        tweepy.TweepyException: X did not answer, or refused the request itself.
    """
    found = {Rule(one.value, one.tag): one.id for one in client.get_rules().data or [] if marked(one)}
    missing, surplus = sorted(rules - found.keys()), [id_ for rule, id_ in found.items() if rule not in rules]
    refusals: list[str] = []
    if missing:
        added = client.add_rules([tweepy.StreamRule(value=rule.value, tag=rule.tag) for rule in missing])
        refusals = [refusal(error) for error in added.errors or []]
    if surplus:
        client.delete_rules(surplus)
    return refusals


def marked(rule: tweepy.StreamRule) -> bool:
    """Say whether a rule is one of ours."""
    return bool(rule.tag and rule.tag.startswith(MARK))


def refusal(error: dict[str, Any]) -> str:
    """Say in one line which rule X refused and why."""
    details = "; ".join(error.get("details") or [error.get("title", "refused")])
    return f"X refused the rule {error.get('value')!r}: {details}"
