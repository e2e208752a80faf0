"""Advice: what to do next, each with its reason and its numbers; no language model, and no guess without a number."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
import panel as pn

from core import accounts, queries
from core.accounts import Visitor
from panel_app import contrast, cuts, data, look, topics
from panel_app.selection import Selection, View
from panel_app.steady import Steady

DAY = timedelta(days=1)
PAST = timedelta(days=14)  # that habits are read from
EACH, MOST = 3, 12  # of a kind, and in all
HIDDEN = timedelta(days=14)  # for so long an advice that was answered does not come again
REACH = 1_000  # followers: whom it is worth to speak to
SILENT = 3.0  # times the usual pause: by chance it is as long once in twenty
TYPICAL = 50  # words that set a keyword's tweets apart from the others'
ENOUGH = 1_000  # scored tweets of a day, with which its words need no longer past
LEAST_PLACE, LEAST_PLACES, LEAST_HOUR = 10, 3, 30  # voices of a place, places, and tweets of an hour
SURE = 3.0  # standard errors
KINDS = {
    "keep": "Keep them active",
    "invite": "Invite them",
    "win": "Win them back",
    "topic": "Enter this topic",
    "hour": "Post at this hour",
    "place": "Look at this place",
}
ANSWERS = {"done": "Done", "not-useful": "Not useful"}
PEOPLE = ("keep", "invite", "win")
NOTHING = "Nothing stands out by a number that is sure enough. More tweets, or a longer history, tell more."
ABOUT = "The best of each kind comes first. What you answer is kept, and not advised again for 14 days."
SENSITIVE = "This keyword is marked sensitive: there is no advice about people."
SIGNED_OUT = "You are signed out: log in again."


@dataclass(frozen=True)
class Advice:
    """One thing to do: of which kind, about whom or what, why, and the figures behind it."""

    kind: str
    about: str
    why: str
    author_id: str = ""  # of the person it is about

    def key(self, keyword_id: int) -> str:
        """Return what tells it from others without saying what it is: an answer is kept, not a name."""
        return hashlib.sha256(f"{keyword_id} {self.kind} {self.about}".encode()).hexdigest()[:16]


def keep_active(people: pd.DataFrame, now: pd.Timestamp) -> Iterator[Advice]:
    """Tell which positive influencers are silent for far longer than they use to be, the most influential first.

    `people` have `score tweets first last` of the past. Four tweets at least, and a day of silence.
    """
    some = people[people["tweets"] >= 4]
    pause = (some["last"] - some["first"]) / (some["tweets"] - 1)
    silence = now - some["last"]
    quiet = some.assign(pause=pause, silence=silence)[(silence >= SILENT * pause) & (silence >= DAY)]
    for row in look.rows(quiet.sort_values("score", ascending=False)):
        yield Advice(
            "keep",
            named(row),
            f"Positive, score {row['score']:.0f}. {look.number(row['tweets'])} tweets in 14 days, one every "
            f"{look.span(row['pause'])}; silent for {look.span(row['silence'])}, "
            f"{row['silence'] / max(row['pause'], timedelta(minutes=1)):.0f} times as long.",
            row["author_id"],
        )


def invite(people: pd.DataFrame) -> Iterator[Advice]:
    """Tell who is not in the conversation yet, but is addressed by those who are, or uses the same words.

    `people` have `followers addressed shared sentiment`: how many here addressed them, and how many of the TYPICAL
    words they use on other keywords, in what mood. Three at least of one or the other; nobody who is negative.
    """
    known = people[(people["followers"] >= REACH) & ~(people["sentiment"] <= -0.05)]
    close = known[(known["addressed"] >= 3) | (known["shared"] >= 3)]
    worth = (close["addressed"] + close["shared"]) * np.log10(close["followers"].astype(float))
    for row in look.rows(close.assign(worth=worth).sort_values(["worth", "author_id"], ascending=[False, True])):
        reasons = (
            f"{look.counted(row['addressed'], 'author')} here addressed them" if row["addressed"] else "",
            f"they use {row['shared']} of the {TYPICAL} words that set this keyword apart" if row["shared"] else "",
        )
        why = " and ".join(reason for reason in reasons if reason)
        yield Advice(
            "invite",
            named(row),
            f"{why[0].upper()}{why[1:]}, but they wrote nothing on it. {look.short(row['followers'])} followers.",
            row["author_id"],
        )


def win_back(people: pd.DataFrame) -> Iterator[Advice]:
    """Tell which neutral or negative influencers have reach: the negative first, then by score."""
    far = people[people["label"].isin([0, -1]) & (people["followers_count"] >= REACH) & (people["scored"] >= 2)]
    for row in look.rows(far.sort_values(["label", "score"], ascending=[True, False])):
        earned = sum(0 if pd.isna(row[name]) else row[name] for name in ("retweet_count", "like_count"))
        yield Advice(
            "win",
            named(row),
            f"{look.MOODS[int(row['label'])].capitalize()}: mean {look.signed(row['sentiment'])} of "
            f"{look.counted(row['scored'], 'scored tweet')}; score {row['score']:.0f}, "
            f"{look.short(row['followers_count'])} followers, {look.number(earned)} retweets and likes.",
            row["author_id"],
        )


def enter_topics(tags: topics.Terms, moods: pd.DataFrame) -> Iterator[Advice]:
    """Tell which hashtags go with the keyword, in no more negative than positive tweets; the surest first."""
    counts = moods.set_index("term") if len(moods) else moods
    for row in look.rows(tags.rows):
        if row["term"] not in counts.index:
            continue
        mood = counts.loc[row["term"]]
        if mood["negative"] > mood["positive"]:
            continue
        share = 100 * row["authors"] / max(1, tags.authors)
        yield Advice(
            "topic",
            row["term"],
            f"{look.counted(row['authors'], 'author')} here use it, {share:.0f} %: {much(row['times'])} "
            f"elsewhere; {look.number(mood['positive'])} positive tweets, {look.number(mood['negative'])} negative.",
        )


def much(times: float) -> str:
    """Return how a share compares with another one."""
    return "not used at all" if np.isinf(times) else f"{times:,.0f} times the share"


def post_at(hours: pd.DataFrame) -> Iterator[Advice]:
    """Tell at which hours of the day tweets earn clearly more than on the whole.

    `hours` have `tweets` and of ln(1 + retweets + likes) the `total` and the `squares`. An hour must beat the whole by
    SURE standard errors.
    """
    whole = hours["total"].sum() / max(1, hours["tweets"].sum())
    n = hours["tweets"].astype(float)
    mean = hours["total"] / n
    error = np.sqrt(((hours["squares"] / n - mean**2).clip(lower=0) + 1e-9) / n)
    good = hours.assign(mean=mean)[(n >= LEAST_HOUR) & (mean - whole >= SURE * error)]
    for row in look.rows(good.sort_values("mean", ascending=False)):
        hour = int(row["hour"])
        yield Advice(
            "hour",
            f"{hour:02d}:00 \N{EN DASH} {(hour + 1) % 24:02d}:00",
            f"A tweet earns {np.expm1(row['mean']):.1f} retweets and likes then, {np.expm1(whole):.1f} on the whole "
            f"(geometric means; n = {look.counted(row['tweets'], 'tweet')} of 28 days, of each hour at most as many).",
        )


def look_at(places: pd.DataFrame) -> Iterator[Advice]:
    """Tell where the mood is clearly worse or better than in the middle one of the places, the surest first.

    `places` have `voices`, and of the `scored` tweets' sentiment the `total` and the `squares`.
    """
    if len(places) < LEAST_PLACES:
        return
    n, total = places["scored"].astype(float), places["total"].astype(float)
    mean, usual = total / n, (total / n).median()
    spread = places["squares"].sum() / n.sum() - (total.sum() / n.sum()) ** 2
    z: pd.Series = (mean - usual) / np.sqrt(max(float(spread), 1e-9) / n)
    odd = places.assign(mean=mean, z=z)[(places["voices"] >= LEAST_PLACE) & (z.abs() >= SURE)]
    for row in look.rows(odd.sort_values("z", key=np.abs, ascending=False)):
        yield Advice(
            "place",
            row["place"],
            f"The mood is {'worse' if row['z'] < 0 else 'better'} there: {look.signed(row['mean'])} "
            f"(n = {look.number(row['scored'])}, {look.counted(row['voices'], 'voice')}) against "
            f"{look.signed(usual)} in the middle one of {len(places)} places.",
        )


def named(row: dict[str, Any]) -> str:
    """Return what somebody is called."""
    name, username = look.given(row["name"]) or "unknown", look.given(row["username"])
    return f"{name} (@{username})" if username else name


def ranked(kinds: Iterable[Iterable[Advice]], answered: Callable[[Advice], bool]) -> list[Advice]:
    """Return what is advised in order: the best of each kind, then the second ones; what was answered is left out."""
    lists = [[one for one in kind if not answered(one)][:EACH] for kind in kinds]
    return [one for row in zip_longest(*lists) for one in row if one is not None][:MOST]


@data.kept
def kinds_of(view: View) -> list[list[Advice]]:
    """Read what is advised, of each kind the best first; it must not be changed."""
    return [list(kind) for kind in found_for(view)]


def found_for(view: View) -> list[Iterator[Advice]]:
    """Read what advice rests on; about a sensitive keyword there is none on people."""
    if view.sensitive:
        return found_around(view)
    people, around = data.at_once(lambda: found_people(view), lambda: found_around(view))
    return [*people, *around]


def found_people(view: View) -> list[Iterator[Advice]]:
    """Read what advice about people rests on."""
    _, now = topics.hours_of(view)
    since, read = now - PAST, topics.steady
    words = typical(against_all(view.keyword_id, *enough(view.keyword_id, since, now)))
    return [
        win_back(read(queries.reaching(view.keyword_id))),
        keep_active(read(queries.rhythms(view.keyword_id, since, now)), pd.Timestamp(now)),
        invite(read(queries.outsiders(view.keyword_id, words, since, now))),
    ]


def found_around(view: View) -> list[Iterator[Advice]]:
    """Read what advice about topics, hours and places rests on."""
    _, now = topics.hours_of(view)
    hour, read = cuts.begun(now, topics.HOUR, "UTC"), topics.steady
    return [
        enter_topics(topics.related_of(view), read(queries.words(view.keyword_id, now - DAY, now))),
        post_at(read(queries.earned_by_hour(view.keyword_id, hour - 29 * DAY, hour - DAY, view.zone))),
        look_at(read(queries.place_moods(view.keyword_id, now - PAST, now))),
    ]


def against_all(keyword_id: int, start: datetime, end: datetime) -> pd.DataFrame:
    """Read how many tweets of a keyword and of all others use the commonest words in whole hours."""
    every = topics.steady(queries.common_words(start, end)).set_index("term")
    own = topics.steady(queries.own_words(keyword_id, sorted(every.index), start, end)).set_index("term")
    uses = own["tweets"].reindex(every.index).fillna(0).astype(int)
    ours, everything = (int(one["total"].iloc[0]) if len(one) else 0 for one in (own, every))
    counts = pd.DataFrame({"uses": uses, "other_uses": every["tweets"] - uses})
    return counts.assign(total=ours, other_total=everything - ours).reset_index()


def enough(keyword_id: int, since: datetime, now: datetime) -> tuple[datetime, datetime]:
    """Return hours with tweets enough that a keyword's words can be told from others': those of a day, or all."""
    start, end = last_day(now)
    found = topics.steady(queries.trend(keyword_id, [start, end]))
    if int(found.loc[found["label"].notna(), "tweets"].sum()) >= ENOUGH:
        return start, end
    last = cuts.begun(now - cuts.MINUTE, topics.HOUR, "UTC")
    return cuts.begun(since, topics.HOUR, "UTC"), last + topics.HOUR


def last_day(now: datetime) -> tuple[datetime, datetime]:
    """Return when the last whole day in UTC began and ended: its words are added up, for all keywords."""
    end = cuts.begun(now, cuts.DAY, "UTC")
    return end - DAY, end


def ready() -> None:
    """Read the commonest words of all keywords, before somebody asks."""
    topics.steady(queries.common_words(*last_day(datetime.now(UTC))))


def typical(counts: pd.DataFrame) -> list[str]:
    """Return the words that set a keyword's tweets most surely apart from those on others."""
    if counts.empty or not counts["other_total"].iloc[0]:
        return []
    renamed = {"uses": "ours", "other_uses": "theirs", "total": "all_ours", "other_total": "all_theirs"}
    return sorted(
        contrast.apart(counts.rename(columns=renamed).astype({"ours": float}), "ours", ["theirs"])["term"].head(TYPICAL)
    )


def answers(visitor: Visitor) -> set[str]:
    """Read which advice somebody has answered lately."""
    return set(data.now(queries.answered(visitor.account_id, HIDDEN))["key"])


def advised(view: View, visitor: Visitor | None) -> list[Advice]:
    """Read what is advised now; what the visitor has answered is left out."""
    given = answers(visitor) if visitor else set()
    return ranked(kinds_of(view), lambda one: one.key(view.keyword_id) in given)


class List:
    """The advice of one page: one piece of HTML, for a component at each row and button takes ten times as long."""

    def __init__(self, selection: Selection, visitor: Visitor):
        self._selection = selection
        self._visitor = visitor
        self._shown: dict[str, Advice] = {}  # by key
        self.answer = look.pane("")
        self.view = Steady(sizing_mode="stretch_width")
        self.view.on_msg(lambda event: self.take(str(event.data)))

    def show(self, *_: object) -> None:
        """Show what is to be done now."""
        view = self._selection.view
        if view is None:
            return
        self._shown = {one.key(view.keyword_id): one for one in advised(view, self._visitor)}
        note = f"{ABOUT} {SENSITIVE}" if view.sensitive else ABOUT
        rows = "".join(row_html(one, key) for key, one in self._shown.items())
        body = rows or look.empty("Nothing to advise", NOTHING)
        self.view.html = look.block(f'<p class="quiet">{note}</p>{body}', view.dark, "advice")

    def take(self, said: str) -> None:
        """Keep an answer, and show what remains."""
        what, _, key = said.partition(" ")
        one = self._shown.get(key)
        if one is None or what not in ANSWERS:
            return
        wrong = "" if accounts.visitor(data.engine(), self._visitor.session) else SIGNED_OUT
        answer = ANSWERS[what].lower()
        if not wrong:
            accounts.record(data.engine(), self._visitor.account_id, "advice", what=answer, key=key)
            self.show()
        self.answer.object = look.said(wrong, f"Noted as {answer}: {one.about}", self._selection.dark)


def row_html(one: Advice, key: str) -> str:
    """Return one advice: its kind, whom or what it is about, why, and the buttons that answer it."""
    about = look.safe(f"{KINDS[one.kind].lower()}, {one.about}")
    buttons = "".join(
        f'<button type="button" data-say="{what} {key}" aria-label="{name}: {about}">{name}</button>'
        for what, name in ANSWERS.items()
    )
    return (
        f'<article class="card"><span class="quiet">{KINDS[one.kind]}</span><h2>{look.safe(one.about)}</h2>'
        f'<p>{look.safe(one.why)}</p><div class="takes">{buttons}</div></article>'
    )


def page(selection: Selection, visitor: Visitor) -> pn.Column:
    """Build the page for somebody whose answers are kept."""
    advice = List(selection, visitor)
    advice.show()
    selection.param.watch(advice.show, "view")
    return pn.Column(advice.answer, advice.view, sizing_mode="stretch_width")
