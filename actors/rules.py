"""Makes the stream's rules on X equal the tracked keywords.

A rule's tag is `tt:` and the keyword's name, or says that several keywords share it (see actors.packs). Rules without
that mark are somebody else's and are left alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import tweepy
from sqlalchemy import Engine

from actors.packs import Asked, asked
from actors.parse import MARK
from core import queries, store, syntax

log = logging.getLogger(__name__)

BATCH = 100  # rules in one request, of which X takes 100 in 15 minutes
RECONCILE_SECONDS = 60.0  # how soon we notice that somebody changed our rules on X
MOST = 1000  # rules, if X does not say
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

    def __init__(self, engine: Engine, client: Callable[[], tweepy.StreamingClient], longest: int = syntax.LONGEST):
        self.in_force: set[Rule] = set()
        self.refused: dict[str, str] = {}
        self._engine, self._client, self._longest = engine, client, longest
        self._asked: tuple[list[Any], int] | None = None
        self._due = 0.0

    def keep(self, percent: int = 100) -> None:
        """Reconcile when a keyword or the share of the stream to be read changed, and every minute.

        Raises:
            sqlalchemy.exc.DBAPIError: the keywords cannot be read.
            tweepy.TweepyException, requests.RequestException: X did not answer, or refused the request itself.
        """
        with self._engine.connect() as connection:
            keywords = [row for row in connection.execute(queries.keywords()) if not row.paused]
        what = ([(row.name, row.query, row.language) for row in keywords], percent)
        if what == self._asked and time.monotonic() < self._due:
            return
        client = self._client()
        found = listed(client)
        room = room_for(client, found)
        shares, refused = asked(keywords, room, self._longest) if percent else ([], {})
        rules = {as_rule(one, percent): one for one in shares}
        for rule, why in reconcile(client, set(rules), found, room).items():
            refused |= dict.fromkeys(rules[rule].names, why)
        self._tell(refused)
        if what != self._asked:
            log.info("X allows this app %d rules; %d keywords are tracked, in %d.", room, len(keywords), len(rules))
        self.in_force = {rule for rule, one in rules.items() if one.names[0] not in refused}
        self._asked, self._due = what, time.monotonic() + RECONCILE_SECONDS

    def known(self) -> bool:
        """Say whether the keywords and X's rules have been read at all."""
        return self._asked is not None

    def forget(self) -> None:
        """Reconcile the next time, whatever the keywords are: X has not got our rules."""
        self._due = 0.0

    def _tell(self, refused: dict[str, str]) -> None:
        """Tell at the keywords why X refuses them, and log what is new."""
        for name in sorted(name for name, why in refused.items() if self.refused.get(name) != why):
            log.error("X refuses the rule of %s: %s", name, refused[name])
        store.refuse_keywords(self._engine, refused)
        self.refused = refused


def as_rule(one: Asked, percent: int) -> Rule:
    """Return what is asked for as a rule, for a share of the stream; advertisements shown to some only are left out."""
    sample = f" sample:{percent}" if percent < 100 else ""
    return Rule(f"{one.value} -is:nullcast{sample}", one.tag())


def listed(client: tweepy.StreamingClient) -> list[tweepy.StreamRule]:
    """Return the rules that X has, ours and others'.

    Raises:
        tweepy.TweepyException: X did not answer.
    """
    return list(client.get_rules().data or [])


def room_for(client: tweepy.StreamingClient, found: Sequence[tweepy.StreamRule]) -> int:
    """Return how many rules of ours X has room for: apps were seen with 5, where the documentation says 1,000."""
    others = sum(not marked(one) for one in found)
    try:
        told = client.request("GET", COUNTS).json()["data"]
        here = int(told["cap_per_client_app"]) - others
        elsewhere = int(told["project_rules_count"]) - len(found)
        return max(0, min(here, int(told["cap_per_project"]) - elsewhere - others))
    except (tweepy.HTTPException, KeyError, TypeError, ValueError) as error:
        log.info("X does not say how many rules it allows: %r", error)
        return MOST - others


def reconcile(
    client: tweepy.StreamingClient, rules: set[Rule], have: Sequence[tweepy.StreamRule], room: int
) -> dict[Rule, str]:
    """Add what is missing and delete what is no longer wanted; returns why X refuses a rule.

    A new rule goes before an old one, so that no keyword is uncovered, but for one that only gets another tag, since X
    takes no value twice, and where there is no room for both. What X refuses in a dry run is not sent.

    Raises:
        tweepy.TweepyException: X did not answer, or refused the request itself.
    """
    found = {Rule(one.value, one.tag): str(one.id) for one in have if marked(one)}
    missing, surplus = sorted(rules - found.keys()), sorted(found.keys() - rules)
    retagged = {rule.value for rule in missing}
    first = [rule for rule in surplus if rule.value in retagged]
    later = [rule for rule in surplus if rule.value not in retagged]
    crowd = max(0, len(found) - len(first) + len(missing) - room)
    first, later = first + later[:crowd], later[crowd:]
    delete(client, [found[rule] for rule in first])
    refused = add(client, missing, dry_run=True)
    refused |= add(client, [rule for rule in missing if rule not in refused])
    delete(client, [found[rule] for rule in later])
    return refused


def marked(rule: tweepy.StreamRule) -> bool:
    """Say whether a rule is one of ours."""
    return bool(rule.tag and rule.tag.startswith(MARK))


def add(client: tweepy.StreamingClient, rules: Sequence[Rule], *, dry_run: bool = False) -> dict[Rule, str]:
    """Add rules, or only ask whether X would; returns why it refuses a rule."""
    refused: dict[Rule, str] = {}
    for batch in batches(rules):
        asked = [tweepy.StreamRule(value=rule.value, tag=rule.tag) for rule in batch]
        answer = client.add_rules(asked, **({"dry_run": True} if dry_run else {}))
        why = {error.get("value"): refusal(error) for error in answer.errors or []}
        refused |= {rule: why[rule.value] for rule in batch if rule.value in why}
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
