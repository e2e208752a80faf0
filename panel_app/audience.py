"""What the scores say of all voices together: whom they could reach, in which moods they are, how new it is."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from core import queries
from panel_app import data, look
from panel_app.selection import View

LATE = 2 * queries.QUARTER  # scores may be as far behind the newest tweet: while some are computed, the next are due
RANKED = "ranked are those with two tweets of their own, or one that was retweeted ten times"
BEHIND = "They are {age} behind the newest tweet: is talker up running? Or compute them now: talker influence run"


@data.kept
def totals(view: View) -> str:
    """Return the figures of all voices; nothing while there are no scores."""
    found, moods = of(view), view.read(queries.moods(view.keyword_id, view.scored_until))
    if found is None:
        return ""
    three = (
        look.tile("Audience", look.large(up_to(found["followers_count"])), spoken_to(found)),
        look.tile("Voices", look.large(look.number(found["voices"])), in_each(moods)),
        look.tile("Scores of the", look.large(hours(found)), newness(view, found["window_end"]) + read_share(found)),
    )
    return look.block(f'<div class="tiles three">{"".join(three)}</div>', view.dark)


def of(view: View) -> pd.Series | None:
    """Read what is known of the window whose scores a view shows, if there are any."""
    found = view.read(queries.audience(view.keyword_id, view.scored_until))
    return None if found.empty else found.iloc[0]


def up_to(followers: float | None) -> str:
    """Return an upper bound, said so; unknown is not 0."""
    return look.number(None) if pd.isna(followers) else f"<small>up to</small> {look.short(followers)}"


def spoken_to(audience: pd.Series) -> str:
    """Say whose followers an audience is."""
    voices, known = audience["voices"], audience["known"]
    of = f"all {look.number(voices)}" if voices == known else f"the {look.number(known)} of {look.number(voices)}"
    which = "" if voices == known else " whose number is known"
    return f"followers of {of} voices{which}; people who follow several are counted more than once"


def in_each(moods: pd.DataFrame) -> str:
    """Return how many voices are ranked in each mood, and of how many the mood is unknown."""
    ranked = {None if pd.isna(label) else int(label): count for label, count in moods.itertuples(index=False)}
    told = "".join(f"<span>{look.mood(label)} {look.number(ranked.get(label, 0))}</span>" for label in look.LABELS)
    rest = f"<span>not scored {look.number(ranked.get(None, 0))}</span>"
    return f'{RANKED}<span class="shares">{told}{rest}</span>'


def hours(audience: pd.Series) -> str:
    """Return how long the window is that scores are of."""
    span = (audience["window_end"] - pd.to_datetime(audience["window_start"])) / pd.Timedelta(hours=1)
    return look.number(None) if pd.isna(span) else f"{span:g} hours"


def read_share(audience: pd.Series) -> str:
    """Say how much of the stream the scores are of, if not of all."""
    percent = audience["percent"]
    return "" if percent == 100 else f". <b>Of a part of these hours only {percent} % were read.</b>"


def newness(view: View, window_end: datetime) -> str:
    """Say up to when the scores are, and why there are none that suit the range better."""
    until = f"up to {look.clock(window_end, view.zone)} ({look.safe(view.zone)})"
    if view.scored_until:
        return (
            f"{until}, the first that there are"
            if window_end > view.end
            else f"{until}, the last before this range ends"
        )
    runs = view.read(queries.newest_run())
    if not runs.empty and runs["window_end"][0] > window_end and runs["state"][0] != "done":
        ended = {"failed": "could not be computed; see the log"}.get(runs["state"][0], "are being computed")
        return f"{until}. <b>Those up to {look.clock(runs['window_end'][0], view.zone)} {ended}.</b>"
    if view.end - window_end > LATE:
        age = look.ago((view.end - window_end).total_seconds()).removesuffix(" ago")
        return f"{until}. <b>{BEHIND.format(age=age)}</b>"
    return until
