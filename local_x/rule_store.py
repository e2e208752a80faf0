"""The rules of the stream: kept, added and deleted with X's answers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from local_x.connections import iso
from local_x.limits import Terms
from local_x.problems import problem_type
from local_x.rules import InvalidRule, Match, Seen, parsed

Body = dict[str, Any]
FIRST_RULE_ID = 1_900_000_000_000_000_000  # 19 digits, as X's


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it was added, and what it matches."""

    id: str
    value: str
    tag: str | None
    matches: Match

    def shown(self) -> dict[str, str]:
        """Return the rule as X lists it."""
        return {"value": self.value, **({"tag": self.tag} if self.tag else {}), "id": self.id}


class RuleStore:
    """All rules of one app; they outlive connections.

    Args:
        terms: how many there may be, and how long a change takes to reach the stream.
    """

    def __init__(self, terms: Terms | None = None):
        self._terms = terms or Terms()
        self._rules: dict[str, Rule] = {}  # by value
        self._changes: deque[tuple[float, dict[str, Rule]]] = deque()  # and when each reaches the stream
        self._in_force: dict[str, Rule] = {}
        self._ids = count(FIRST_RULE_ID)

    def __len__(self) -> int:
        return len(self._rules)

    def matching(self, tweet: Seen) -> list[dict[str, str]]:
        """Return the `matching_rules` of a tweet; a rule without a tag shows an empty one."""
        while self._changes and self._changes[0][0] <= time.monotonic():
            self._in_force = self._changes.popleft()[1]
        return [{"id": rule.id, "tag": rule.tag or ""} for rule in self._in_force.values() if rule.matches(tweet)]

    def _change(self, rules: dict[str, Rule]) -> None:
        self._rules = rules
        self._changes.append((time.monotonic() + self._terms.rule_delay, rules))

    def listed(self, ids: Collection[str] = ()) -> Body:
        """Answer GET: the rules, or those with the ids; no `data` when there is none."""
        rules = [rule.shown() for rule in self._rules.values() if not ids or rule.id in ids]
        return {**({"data": rules} if rules else {}), "meta": {"sent": iso(time.time()), "result_count": len(rules)}}

    def counts(self) -> Body:
        """Answer how many rules there are and may be."""
        cap, rules = str(self._terms.rule_cap), str(len(self))
        app = {"client_app_id": "1", "rule_count": len(self)}
        return {
            "data": {
                "cap_per_client_app": cap,
                "cap_per_project": cap,
                "project_rules_count": rules,
                "client_app_rules_count": app,
            },
            "meta": {"sent": iso(time.time())},
        }

    def add(self, entries: Iterable[Mapping[str, Any]], *, dry_run: bool = False) -> Body:
        """Add what can be added, and answer with that and with an error for each of the others."""
        rules = dict(self._rules)
        added: list[dict[str, str]] = []
        errors: list[Body] = []
        for entry in entries:
            rule = self._judged(entry["value"].strip(), entry.get("tag"), rules)
            if isinstance(rule, Rule):
                rules[rule.value] = rule
                added.append(rule.shown())
            else:
                errors.append(rule)
        if not dry_run:
            self._change(rules)
        invalid = sum(error["title"] == "InvalidRule" for error in errors)
        valid = len(added) + len(errors) - invalid
        summary = {"created": len(added), "not_created": len(errors), "valid": valid, "invalid": invalid}
        return answer(summary, errors, added)

    def _judged(self, value: str, tag: str | None, rules: Mapping[str, Rule]) -> Rule | Body:
        if value in rules:
            return {"value": value, "id": rules[value].id} | problem("DuplicateRule", "duplicate-rules")
        if len(rules) >= self._terms.rule_cap:
            detail = f"This app may have {self._terms.rule_cap} rules."
            return {"value": value, "detail": detail} | problem("RuleCap", "rule-cap")
        try:
            return Rule(str(next(self._ids)), value, tag, parsed(value))
        except InvalidRule as error:
            return {"value": value, "details": [str(error)]} | problem("InvalidRule", "invalid-rules")

    def delete(self, ids: Sequence[str] = (), values: Sequence[str] = (), *, dry_run: bool = False) -> Body:
        """Delete by ids and values, and answer with an error for each that is not there."""
        known = {rule.id: rule.value for rule in self._rules.values()} | {value: value for value in self._rules}
        wanted = [*ids, *(value.strip() for value in values)]
        gone = {known[key] for key in wanted if key in known}
        errors = [
            {"value": key, "detail": f"There is no rule {key!r}."} | problem("Not Found Error", "resource-not-found")
            for key in wanted
            if key not in known
        ]
        if not dry_run:
            self._change({value: rule for value, rule in self._rules.items() if value not in gone})
        return answer({"deleted": len(gone), "not_deleted": len(errors)}, errors)

    def delete_all(self, *, dry_run: bool = False) -> Body:
        """Delete every rule."""
        return self.delete(values=list(self._rules), dry_run=dry_run)


def answer(summary: Mapping[str, int], errors: list[Body], data: Sequence[Any] = ()) -> Body:
    """Return a body of X's form: empty `data` and `errors` are left out."""
    parts = {"data": list(data), "meta": {"sent": iso(time.time()), "summary": dict(summary)}, "errors": errors}
    return {name: part for name, part in parts.items() if part}


def problem(title: str, kind: str) -> dict[str, str]:
    """Return the part all errors share."""
    return {"title": title, "type": problem_type(kind)}
