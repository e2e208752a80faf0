"""Makes the stream's rules on X equal the tracked keywords.

A rule's tag is `tt:` and the keyword's name. Rules without that mark are somebody else's and are left alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import tweepy
from sqlalchemy import Engine

from actors.parse import MARK
from core import queries, store

log = logging.getLogger(__name__)

BATCH = 100  # rules in one request, of which X takes 100 in 15 minutes
RECONCILE_SECONDS = 60.0  # how soon we notice that somebody changed our rules on X
COUNTS = "/2/tweets/search/stream/rules/counts"


@dataclass(frozen=True, order=True)
class Rule:
    """What X is asked for, and the tag it gives the tweets that match."""

    value: str
    tag: str


class RuleKeeper:
    """Keeps X's rules those of the keyword table.

    Attributes:
        in_force: the rules that X has from us, as far as we know.
        refused: why X refuses a keyword's rule, by the keyword's name.
    """

    def __init__(self, engine: Engine, client: Callable[[], tweepy.StreamingClient]):
        self.in_force: set[Rule] = set()
        self.refused: dict[str, str] = {}
        self._engine = engine
        self._client = client
        self._asked: set[Rule] | None = None
        self._due = 0.0

    def keep(self, percent: int = 100) -> None:
        """Reconcile when a keyword or the share of the stream to be read changed, and every minute.

        Raises:
            sqlalchemy.exc.DBAPIError: the keywords cannot be read.
            tweepy.TweepyException, requests.RequestException: X did not answer, or refused the request itself.
        """
        with self._engine.connect() as connection:
            rules = wanted(connection.execute(queries.keywords()), percent)
        if rules == self._asked and time.monotonic() < self._due:
            return
        client = self._client()
        refused = reconcile(client, rules)
        for name in sorted(name for name, why in refused.items() if self.refused.get(name) != why):
            log.error("X refuses the rule of %s: %s", name, refused[name])
        store.refuse_keywords(self._engine, refused)
        if rules != self._asked:
            notice_cap(client, len(rules))
        self.in_force = {rule for rule in rules if keyword_of(rule) not in refused}
        self._asked, self.refused, self._due = rules, refused, time.monotonic() + RECONCILE_SECONDS

    def known(self) -> bool:
        """Say whether the keywords and X's rules have been read at all."""
        return self._asked is not None

    def forget(self) -> None:
        """Reconcile the next time, whatever the keywords are: X has not got our rules."""
        self._due = 0.0


def wanted(keywords: Iterable[Any], percent: int = 100) -> set[Rule]:
    """Return the rules for keywords (rows with name, query, language), for a share of the stream; none for none of it.

    Advertisements shown to some only are left out.

    X's syntax binds AND, a space, before OR: hence the parentheses
    (docs.x.com/x-api/posts/filtered-stream/integrate/build-a-rule).
    """
    if not percent:
        return set()
    sample = f" sample:{percent}" if percent < 100 else ""
    return {Rule(rule_value(row.query, row.language) + sample, MARK + row.name) for row in keywords}


def rule_value(query: str, language: str | None) -> str:
    """Return the query as a rule, in one language if one is given."""
    return f"({query}){f' lang:{language}' if language else ''} -is:nullcast"


def keyword_of(rule: Rule) -> str:
    """Return the name of the keyword that a rule of ours is for."""
    return rule.tag.removeprefix(MARK)


def reconcile(client: tweepy.StreamingClient, rules: set[Rule]) -> dict[str, str]:
    """Add what is missing and delete what is no longer wanted; returns why X refuses a rule, by keyword.

    A new rule goes before an old one, so that no keyword is uncovered, but for one that only gets another tag: X takes
    no value twice. What X refuses in a dry run is not sent.

    Raises:
        tweepy.TweepyException: X did not answer, or refused the request itself.
    """
    found = {Rule(one.value, one.tag): str(one.id) for one in client.get_rules().data or [] if marked(one)}
    missing, surplus = sorted(rules - found.keys()), sorted(found.keys() - rules)
    retagged = {rule.value for rule in missing}
    delete(client, [found[rule] for rule in surplus if rule.value in retagged])
    refused = add(client, missing, dry_run=True)
    refused |= add(client, [rule for rule in missing if keyword_of(rule) not in refused])
    delete(client, [found[rule] for rule in surplus if rule.value not in retagged])
    return refused


def marked(rule: tweepy.StreamRule) -> bool:
    """Say whether a rule is one of ours."""
    return bool(rule.tag and rule.tag.startswith(MARK))


def add(client: tweepy.StreamingClient, rules: Sequence[Rule], *, dry_run: bool = False) -> dict[str, str]:
    """Add rules, or only ask whether X would; returns why it refuses a rule, by keyword."""
    refused: dict[str, str] = {}
    for batch in batches(rules):
        asked = [tweepy.StreamRule(value=rule.value, tag=rule.tag) for rule in batch]
        answer = client.add_rules(asked, **({"dry_run": True} if dry_run else {}))
        why = {error.get("value"): refusal(error) for error in answer.errors or []}
        refused |= {keyword_of(rule): why[rule.value] for rule in batch if rule.value in why}
    return refused


def delete(client: tweepy.StreamingClient, ids: Sequence[str]) -> None:
    """Delete rules by their ids."""
    for batch in batches(ids):
        client.delete_rules(list(batch))


def batches(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Cut a list into pieces that fit one request."""
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def refusal(error: dict[str, Any]) -> str:
    """Say in one line why X refused a rule."""
    return "; ".join(map(str, error.get("details") or [error.get("detail") or error.get("title", "refused")]))


def notice_cap(client: tweepy.StreamingClient, keywords: int) -> None:
    """Log how many rules X allows this app: apps were seen with 5, where the documentation says 1,000."""
    try:
        cap = int(client.request("GET", COUNTS).json()["data"]["cap_per_client_app"])
    except (tweepy.HTTPException, KeyError, TypeError, ValueError) as error:
        log.info("X does not say how many rules it allows: %r", error)
        return
    level = logging.WARNING if keywords > cap else logging.INFO
    log.log(level, "X allows this app %d rules; %d keywords are tracked.", cap, keywords)
