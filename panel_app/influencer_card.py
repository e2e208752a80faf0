"""One influencer as a card: rank, score and what it is made of, figures, and the tweet that stands for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from core.weights import CRITERIA, ENGAGEMENT, POINTS, REACH, Weights
from panel_app import look, tweet_card
from panel_app.trend import Z95

NAMES = dict(
    zip(
        CRITERIA,
        ("Followers", "Lists they are on", "Posts in all", "Retweets and likes here", "Mentions here"),
        strict=True,
    )
)
DASH = "\N{EN DASH}"
NEUTRAL = 0.05  # VADER's own bound: a mean of less than this, up or down, is neutral


def card(row: Mapping[str, Any], zone: str, weights: Weights | None, images: bool = False) -> str:
    """Return one influencer as a card; a click on the score tells what it is made of."""
    return (
        f'<li class="card influencer">{tweet_card.person(row, images)}<span class="aside">{placed(row)}</span>'
        f'<details class="made" id="made-{row["author_id"]}"><summary>{summary(row)}</summary>'
        f"{made_of(row, weights)}<p>{sureness(row)}</p>{doubt(row)}</details>"
        f"{tweet_card.body(row, zone)}{figures(row, zone)}</li>"
    )


def placed(row: Mapping[str, Any]) -> str:
    """Return a rank with its interval: 3rd (2nd-6th)."""
    low, high = row["rank_low"], row["rank_high"]
    if pd.isna(low) or pd.isna(high):
        return f'<b class="rank">{ordinal(row["rank"])}</b>'
    span = ordinal(low) if low == high else f"{ordinal(low)}{DASH}{ordinal(high)}"
    told = 'title="where the rank lies in nine of ten resamples of the tweets"'
    return f'<b class="rank">{ordinal(row["rank"])}</b> <small {told}>({span})</small>'


def ordinal(number: float) -> str:
    """Return a place in a row: 1st, 2nd, 3rd; a dash for unknown."""
    if pd.isna(number):
        return DASH
    whole = int(number)
    ending = "th" if whole % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    return f"{whole:,}{ending}"


def summary(row: Mapping[str, Any]) -> str:
    """Return the score and its two parts, as a bar and in figures; the bar's second part is hatched."""
    parts = {"reach": float(row["reach"]), "resonance": float(row["resonance"])}
    bar = "".join(f'<i class="{name}" style="width:{max(0.0, value):.1f}%"></i>' for name, value in parts.items())
    told = " + ".join(f'<i class="{name}"></i> {name.capitalize()} {value:.1f}' for name, value in parts.items())
    mood = look.MOODS[row["label"]]
    return (
        f'<span class="score">{row["score"]:.1f}</span><span class="parts">'
        f'<span class="split {mood}">{bar}</span><small>{told}</small></span>'
        '<span class="more">What it is made of</span>'
    )


def made_of(row: Mapping[str, Any], weights: Weights | None) -> str:
    """Return the points of each criterion as a table, with the most that it can give this person."""
    most = most_of(row, weights)
    lines = "".join(line(row, name, most) for name in CRITERIA)
    head = "".join(f'<th scope="col">{name}</th>' for name in ("What counts", "Count", "Points", "At most"))
    whole = f"<td></td><td>{row['score']:.1f}</td><td>100</td>"
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody>'
        f'<tfoot><tr><th scope="row">Score</th>{whole}</tr></tfoot></table></div>'
    )


def most_of(row: Mapping[str, Any], weights: Weights | None) -> dict[str, float]:
    """Return the most points that each known criterion gives a person: they share the weight of the unknown ones."""
    if weights is None:
        return {}
    known = {name: curve.full for name, curve in weights.curves.items() if not pd.isna(row[POINTS[name]])}
    return {name: 100 * full / sum(known.values()) for name, full in known.items()}


def line(row: Mapping[str, Any], name: str, most: Mapping[str, float]) -> str:
    """Return one criterion as a row of the table."""
    points, part = row[POINTS[name]], "reach" if name in REACH else "resonance"
    head = f'<th scope="row"><i class="{part}"></i> {NAMES[name]}</th>'
    if pd.isna(points):
        return f'<tr>{head}<td colspan="3" class="quiet">unknown: the others share its weight</td></tr>'
    full = most.get(name)
    share = 0 if not full else 100 * min(1.0, points / full)
    bar = f'<span class="bar"><i style="width:{share:.0f}%"></i></span>'
    limit = DASH if full is None else f"{full:.1f}"
    return f"<tr>{head}<td>{look.number(count_of(row, name))}</td><td>{bar}{points:.1f}</td><td>{limit}</td></tr>"


def count_of(row: Mapping[str, Any], name: str) -> float | None:
    """Return what was counted of a criterion, None where it is unknown."""
    if name != ENGAGEMENT:
        return row[name]  # type: ignore[no-any-return]
    known = [row[count] for count in ("retweet_count", "like_count") if not pd.isna(row[count])]
    return sum(known) if known else None


def sureness(row: Mapping[str, Any]) -> str:
    """Say how sure the rank is."""
    low, high, mood = row["rank_low"], row["rank_high"], look.MOODS[row["label"]]
    place = f"{ordinal(row['rank'])} of those in {mood} mood"
    if pd.isna(low) or pd.isna(high):
        return f"{place}; how sure the rank is was not computed."
    where = f"stays {ordinal(low)}" if low == high else f"lies between {ordinal(low)} and {ordinal(high)}"
    return f"{place}. Had chance picked other tweets of the same people, the rank {where} nine times in ten."


def doubt(row: Mapping[str, Any]) -> str:
    """Say why somebody is counted as neutral whose mean is not."""
    if not leans(row):
        return ""
    return "<p>Too few tweets to judge the mood: without one of them there would be none, or a neutral one.</p>"


def figures(row: Mapping[str, Any], zone: str) -> str:
    """Return the figures beside the score."""
    facts = {
        "Followers": look.short(row["followers_count"]),
        "Retweets here": look.short(row["retweet_count"]),
        "Mean sentiment": mean(row),
        "Tweets here": f"{look.number(row['tweets'])}{share(row)}",
        "Engagement": engagement(row),
        "First and last": active(row, zone),
    }
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    return f'<dl class="facts">{listed}</dl>'


def mean(row: Mapping[str, Any]) -> str:
    """Return an author's mean sentiment, with the tweets behind it and, from two on, its 95 % interval."""
    deviation, scored = row["deviation"], row["scored"]
    if pd.isna(row["sentiment"]) or not scored:
        return "not scored"
    behind = [f"n = {look.number(scored)}"]
    if scored > 1 and not pd.isna(deviation):
        reach = Z95 * deviation / scored**0.5
        low, high = (look.signed(max(-1.0, min(1.0, row["sentiment"] + end))) for end in (-reach, reach))
        behind.insert(0, f"{low} to {high},")
    if leans(row):
        behind.append("too few to judge")
    return f"{look.signed(row['sentiment'])}<small>{'<br>'.join(behind)}</small>"


def leans(row: Mapping[str, Any]) -> bool:
    """Say whether an author is counted as neutral only because the tweets are too few to judge otherwise."""
    return row["label"] == 0 and not pd.isna(row["sentiment"]) and abs(row["sentiment"]) >= NEUTRAL


def share(row: Mapping[str, Any]) -> str:
    """Say how many of the author's own tweets are on this keyword."""
    return "" if pd.isna(row["share"]) else f"<small>{100 * row['share']:.0f} % of theirs</small>"


def engagement(row: Mapping[str, Any]) -> str:
    """Return the retweets and likes earned here for each thousand followers, or a dash for unknown."""
    earned, followers = count_of(row, ENGAGEMENT), row["followers_count"]
    if earned is None or pd.isna(followers) or not followers:
        return DASH
    return f"{1000 * earned / followers:.2g}<small>per 1,000 followers</small>"


def active(row: Mapping[str, Any], zone: str) -> str:
    """Return when an author's first and last tweet on the keyword were written."""
    times = [look.clock(time, zone) for time in (row["first_tweet_at"], row["last_tweet_at"]) if not pd.isna(time)]
    return "".join(f"<small>{time}</small>" for time in dict.fromkeys(times)) or DASH
