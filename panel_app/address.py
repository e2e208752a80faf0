"""The address of what is shown: everything that was chosen is in it, so that it leads somebody else to the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from panel_app import cuts
from panel_app.selection import ALL, APART, AUTO, COMMON, CUSTOM, RANGES, Selection, whole_minute

TIME = "%Y-%m-%dT%H:%MZ"
LONGEST = 200  # characters of a word that are believed


def chosen(page: str, selection: Selection) -> dict[str, str]:
    """Return what an address names: the page, the keyword, the range in UTC, and what differs from the usual."""
    found = {"page": page, "keyword": selection.keyword, "word": selection.word}
    if selection.hours == CUSTOM and selection.view:
        found |= {name: f"{time:{TIME}}" for name, time in zip(("from", "to"), ends(selection), strict=True)}
    else:
        found["hours"] = str(selection.hours)
    found["bar"] = selection.bar
    found["mood"] = "" if selection.mood == ALL else str(selection.mood)
    if page == "word-clouds":
        found["way"] = "" if selection.way == APART else selection.way
    if page == "compare":
        found["with"] = json.dumps(selection.others, ensure_ascii=False) if selection.others else ""
    return {name: value for name, value in found.items() if value}


def ends(selection: Selection) -> tuple[datetime, datetime]:
    """Return from when to when a custom range is."""
    return selection.view.start, selection.view.end


def asked(args: Mapping[str, list[bytes]]) -> dict[str, Any]:
    """Return the choices that an address names, as far as there are such."""
    given = {name: values[0].decode(errors="replace") for name, values in args.items() if values}
    hours = {str(hours): hours for hours in RANGES.values()}
    found: dict[str, Any] = {"keyword": given.get("keyword"), "hours": hours.get(given.get("hours", ""))}
    start, end = time_of(given.get("from", "")), time_of(given.get("to", ""))
    if start and end and timedelta() < end - start <= cuts.LONGEST:
        found |= {"window": (start, end), "hours": CUSTOM}
    found["bar"] = given.get("bar") if given.get("bar") in cuts.WIDTHS else AUTO
    found["word"] = given.get("word", "")[:LONGEST]
    found["mood"] = {"1": 1, "0": 0, "-1": -1}.get(given.get("mood", ""), ALL)
    found["way"] = COMMON if given.get("way") == COMMON else APART
    found["others"] = names_in(given.get("with", ""))
    return {name: value for name, value in found.items() if value is not None}


def names_in(text: str) -> list[str]:
    """Return the keywords that an address names; they are a JSON list, for a name may hold any sign."""
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return [name for name in found if isinstance(name, str)][:10] if isinstance(found, list) else []


def time_of(text: str) -> datetime | None:
    """Return the time that an address names, in UTC, if it names one of our time."""
    try:
        time = datetime.strptime(text, TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return whole_minute(time) if 2006 <= time.year <= 2100 else None  # X's first year, and time enough
