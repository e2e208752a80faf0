"""Influence is what its definition says: recomputed here in pandas, tweet by tweet."""

from __future__ import annotations

import gzip
import json
import math
import random
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, text, update

from core import erasure, store
from core.config import Settings
from core.erasure import Gone
from core.models import Audience, Author, Influence, InfluenceRun, Keyword, Tweet
from core.weights import FILE, load
from jobs import criteria, influence
from jobs.criteria import Window
from jobs.lake import SCHEMAS
from jobs.ranks import NEAR

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
START = NOON - timedelta(hours=72)
REACH = ("followers_count", "listed_count", "tweet_count")
HALF_LIFE = timedelta(hours=72)
WINDOW = Window(START, NOON, HALF_LIFE)
FIELDS = (
    *("score", "reach", "resonance", "engagement_points", "mentions_points", "rank", "label", "tweets", "scored"),
    *("sentiment", "share", "retweet_count", "like_count", "mentions", "first_tweet_at", "last_tweet_at"),
)


def expected(tweets: pd.DataFrame, authors: pd.DataFrame, window: Window) -> dict:
    """The rows of `influence` by keyword and author, from the definition."""
    inside = (tweets.created_at > window.start) & (tweets.created_at <= window.end)
    people = authors.set_index("id")
    own = counted(tweets, inside, window)
    mentions = mentioned(own, window)
    found = {}
    for (keyword, author), written in own.groupby(["keyword_id", "author_id"]):
        retweets, likes = (total(written[name]) for name in ("retweet_count", "like_count"))
        if len(written) < 2 and (retweets or 0) < 10:
            continue
        half_life = window.of_keyword.get(keyword, window.half_life)
        worths = [both * 0.5 ** ((window.end - at) / half_life) for both, at in zip(*both_counts(written), strict=True)]
        by = mentions.get((keyword, author), {})
        counts = {name: known(people[name].get(author)) for name in REACH}
        counts["engagement"] = None if retweets is likes is None else sum(worths)
        if all(count is None for count in counts.values()):
            continue
        counts["mentions"] = sum(0.5 ** ((window.end - at) / half_life) for at in by.values())
        label = mood(written.sentiment.dropna())
        found[keyword, author] = points(counts) | {
            "retweet_count": retweets,
            "like_count": likes,
            "mentions": len(by),
            "tweets": len(written),
            "share": len(written) / (own.author_id == author).sum(),
            "scored": written.sentiment.notna().sum(),
            "sentiment": None if written.sentiment.isna().all() else written.sentiment.mean(),
            "label": label,
            "followers": -1 if counts["followers_count"] is None else counts["followers_count"],
            "first_tweet_at": written.created_at.min(),
            "last_tweet_at": written.created_at.max(),
            "top_tweet_id": shown(written, label),
        }
    return with_ranks(found)


def counted(tweets: pd.DataFrame, inside: pd.Series, window: Window) -> pd.DataFrame:
    """The own tweets of the window, and those retweeted in it that have not faded."""
    retweets = tweets[inside & tweets.matched & (tweets.kind == "retweet")]
    heard = set(zip(retweets.keyword_id, retweets.original_id, strict=True))
    retweeted = np.array([key in heard for key in zip(tweets.keyword_id, tweets.id, strict=True)])
    half_lives = [window.of_keyword.get(keyword, window.half_life) for keyword in tweets.keyword_id]
    faded = [window.end - at >= 5 * half for at, half in zip(tweets.created_at, half_lives, strict=True)]
    carried = (tweets.created_at <= window.start) & retweeted & ~np.array(faded)
    return tweets[(tweets.kind != "retweet") & (inside | carried)]


def both_counts(written: pd.DataFrame) -> tuple[list, list]:
    """What is known of each tweet's retweets and likes together, and when it was written."""
    rows = [row for row in written.itertuples() if not (pd.isna(row.retweet_count) and pd.isna(row.like_count))]
    both = [sum(count for count in (row.retweet_count, row.like_count) if not pd.isna(count)) for row in rows]
    return both, [row.created_at for row in rows]


def mentioned(own: pd.DataFrame, window: Window) -> dict:
    """By whom each author was mentioned on each keyword, and when last."""
    found: dict = {}
    for tweet in own.itertuples():
        for who in tweet.mentioned_ids if tweet.mentioned_ids is not None else ():
            if who != tweet.author_id:
                by = found.setdefault((tweet.keyword_id, who), {})
                by[tweet.author_id] = max(tweet.created_at, by.get(tweet.author_id, tweet.created_at))
    return found


def mood(sentiments: pd.Series) -> int | None:
    """1 or -1 only if it is so without any single one of the tweets."""
    without_one = [sentiments.drop(index).mean() for index in sentiments.index] if len(sentiments) > 1 else [0.0]
    if sentiments.empty:
        return None
    bounds = round(min(without_one), 9) >= 0.05, round(max(without_one), 9) <= -0.05
    return 1 if bounds[0] else -1 if bounds[1] else 0


def of_tweet(sentiment: float) -> int | None:
    return None if pd.isna(sentiment) else 1 if sentiment >= 0.05 else -1 if sentiment <= -0.05 else 0


def shown(own: pd.DataFrame, label: int | None) -> int:
    """The tweet that stands for an author: the most shared of the author's mood, else the most shared."""
    of_mood = [tweet for tweet in own.itertuples() if label is not None and of_tweet(tweet.sentiment) == label]
    return max(of_mood or own.itertuples(), key=worth).id


def with_ranks(found: dict) -> dict:
    """Number the authors of each keyword and label, best first."""
    placed: dict = {}
    for (keyword, _), row in sorted(
        found.items(), key=lambda one: (-round(one[1]["score"], 9), -one[1]["followers"], one[0][1])
    ):
        of = (keyword, row["label"])
        placed[of] = row["rank"] = placed.get(of, 0) + 1
    return found


def points(counts: dict) -> dict:
    """Score and its parts from an author's counts; mentions are never unknown."""
    kept = json.loads(FILE.read_text())
    curves = kept["methods"][kept["default"]]["curves"]
    known = {name: count for name, count in counts.items() if count is not None}
    whole = sum(curves[name]["points"][-1] for name in known)
    part = {
        name: 100 / whole * np.interp(math.log(1 + count), curves[name]["at"], curves[name]["points"])
        for name, count in known.items()
    }
    resonance = part.get("engagement", 0.0) + part["mentions"]
    score = sum(part.values())
    parts = {f"{name}_points": part.get(name) for name in ("engagement", "mentions")}
    return {"score": score, "reach": score - resonance, "resonance": resonance, **parts}


def total(counts: pd.Series) -> int | None:
    return None if counts.isna().all() else int(counts.sum())


def known(count) -> int | None:
    return None if count is None or pd.isna(count) else int(count)


def worth(tweet) -> tuple:
    both = [count for count in (tweet.retweet_count, tweet.like_count) if not pd.isna(count)]
    return (sum(both) if both else -1, tweet.id)


def assert_same(rows: list[dict], wanted: dict) -> None:
    assert {(row["keyword_id"], row["author_id"]) for row in rows} == wanted.keys()
    for row in rows:
        want = wanted[row["keyword_id"], row["author_id"]]
        assert row["top_tweet_id"] == (want["top_tweet_id"] if row["rank"] <= NEAR else None)
        assert (row["rank_low"] is None) == (row["rank"] > NEAR)
        for name in FIELDS:
            if name.endswith("_at"):
                same = datetime.fromisoformat(str(row[name])) == want[name]
            else:
                same = row[name] == pytest.approx(want[name], abs=1e-5)
            assert same, (row, want, name)


def some_tweets(seed: int) -> list[dict]:
    """Tweets of few people on few keywords, so that everything that can meet does."""
    dice = random.Random(seed)
    times = [START, START + timedelta(seconds=1), NOON, NOON + timedelta(seconds=1)]
    long_ago = START - timedelta(days=9)
    return [
        {
            "keyword_id": dice.randint(1, 2),
            "id": id,
            "author_id": dice.randint(1, 20),
            "created_at": dice.choice([*times, long_ago, long_ago, START + timedelta(hours=dice.randint(1, 71))]),
            "kind": dice.choice(["original", "retweet", "quote", "reply", "retweet"]),
            "original_id": dice.choice([None, dice.randint(1, 40), dice.randint(1, 199)]),
            "retweet_count": dice.choice([None, None, 0, dice.randint(0, 10**6)]),
            "like_count": dice.choice([None, None, 0, dice.randint(0, 10**6)]),
            "mentioned_ids": dice.choice([None, [], [dice.randint(1, 20)], [dice.randint(1, 20), 3]]),
            "sentiment": dice.choice([None, 0.0, 0.05, -0.05, round(dice.uniform(-1, 1), 4)]),
            "matched": dice.random() < 0.6,
            "seq": 1,
        }
        for id in range(1, 200)
    ]


def some_authors(seed: int) -> list[dict]:
    """Most of the authors, with counts of every size and some unknown."""
    dice = random.Random(seed)
    return [
        {"id": id, "seq": 1, **{name: dice.choice([None, 0, 7, dice.randint(0, 10**8)]) for name in REACH}}
        for id in range(1, 18)
    ]


def tweet(id: int, author: int = 1, **fields) -> dict:
    """A row of the lake's tweets."""
    row = {"keyword_id": 1, "id": id, "author_id": author, "created_at": NOON, "kind": "original", "seq": 1}
    return row | {"matched": True, "sentiment": 0.0} | fields


def author(id: int, **fields) -> dict:
    """A row of the lake's authors."""
    return {"id": id, "followers_count": 100, "listed_count": 1, "tweet_count": 10, "seq": 1} | fields


def at_random(seed: int):
    return some_tweets(seed), some_authors(seed)


def more_of_something():
    """Pairs of people who differ in one thing, of which the second has more."""
    dice = random.Random(5)
    tweets, authors = [], []
    for case in range(60):
        name = (*REACH, "retweet_count", "like_count", "mentions")[case % 6]
        less = {of: dice.choice([0, dice.randint(0, 10**6)]) for of in (*REACH, "retweet_count", "like_count")}
        less["mentions"] = dice.randint(0, 5)
        more = less | {name: less[name] + (dice.choice([1, 10, 10**4]) if name != "mentions" else 2)}
        for number, counts in enumerate((less, more)):
            who = 1000 + 2 * case + number
            at = NOON - timedelta(hours=case)
            shared = {name: counts[name] for name in ("retweet_count", "like_count")}
            tweets += [tweet(2 * who, who, created_at=at, **shared), tweet(2 * who + 1, who, created_at=at)]
            tweets += [tweet(who * 100 + by, by, mentioned_ids=[who]) for by in range(counts["mentions"])]
            authors.append(author(who, **{of: counts[of] for of in REACH}))
    return tweets, authors


def quiet():
    return [tweet(1, 1, retweet_count=20, like_count=3), tweet(2), tweet(3, 2, retweet_count=900)], []


def loud():
    """The same, and author 1 retweets author 2."""
    retweet = {"kind": "retweet", "original_id": 3, "retweet_count": 900, "like_count": 70, "mentioned_ids": [1]}
    return [*quiet()[0], *(tweet(id, 1, **retweet) for id in range(4, 9))], []


def carried():
    """Two retweet what was written before the window."""
    original = tweet(1, created_at=START - timedelta(days=1), matched=False, retweet_count=40)
    return [original, *(tweet(id, id, kind="retweet", original_id=1, retweet_count=40) for id in (2, 3))], []


def mentions():
    """Three who each mention author 1 and themselves three times."""
    tweets = [tweet(who * 10 + n, who, mentioned_ids=[1, who]) for who in (1, 2, 3) for n in range(3)]
    return tweets, [author(who) for who in (1, 2, 3)]


def fame():
    """A hundred retweets one half-life ago, on keywords with half-lives of 60 and of 24 hours; and now."""
    ages = {2: 60, 5: 24, 3: 0}
    tweets = [
        tweet(10 * keyword + n, keyword_id=keyword, created_at=NOON - timedelta(hours=hours), retweet_count=50)
        for keyword, hours in ages.items()
        for n in (1, 2)
    ]
    return tweets, [author(1)]


def moods():
    said = {1: [0.6, 0.5, -0.9], 2: [-0.4, -0.9], 3: [-0.9], 4: [0.3, 0.4, -0.1], 5: [0.0, -0.9, -0.04], 6: []}
    tweets = [
        tweet(10 * who + n, who, sentiment=mood, retweet_count=10)
        for who, ours in said.items()
        for n, mood in enumerate([*ours, None])
    ]
    return tweets, [author(who) for who in said]


def seldom():
    once = [tweet(who, who, retweet_count=retweets) for who, retweets in ((1, 9), (2, 10), (3, None))]
    return [*once, tweet(4, 4), tweet(5, 4)], [author(who) for who in (1, 2, 3, 4)]


def ties():
    """Beyond the count at which a curve is full, more followers give no more points."""
    followers = {1: 10**9, 2: 10**9, 3: 10**9 + 1, 4: 7}
    tweets = [tweet(10 * who + n, who) for who in followers for n in (1, 2)]
    return tweets, [author(who, followers_count=count) for who, count in followers.items()]


def unknown():
    return [tweet(1), tweet(2), tweet(3, 2, mentioned_ids=[1])], []


def impossible():
    return [tweet(1, like_count=3), tweet(2, like_count=-8)], [author(1, followers_count=-5)]


def luck():
    """One viral tweet is luck, many shared ones are not; and one is far behind."""
    tweets = [tweet(1, 1, retweet_count=5000), tweet(2, 1)]
    tweets += [tweet(1000 * who + n, who, retweet_count=47 - who) for who in (2, 3) for n in range(100)]
    tweets += [tweet(4000 + n, 4, retweet_count=1) for n in range(2)]
    nobody = author(4, followers_count=0, listed_count=0, tweet_count=0)
    return tweets, [*(author(who) for who in (1, 2, 3)), nobody]


SEEDS = (1, 2, 3)
WORLDS = {
    **{f"seed {seed}": lambda seed=seed: at_random(seed) for seed in SEEDS},
    **{make.__name__: make for make in (more_of_something, quiet, loud, carried, mentions, fame, moods, seldom)},
    **{make.__name__: make for make in (ties, unknown, impossible, luck)},
}
APART = 10  # keywords between two worlds
HALF_LIVES = {2: timedelta(hours=60), 5: timedelta(hours=24)}  # of these keywords of each world


def moved(row: dict, by: int) -> dict:
    """A row in a world of its own: Spark, slow to start, computes all worlds at once."""
    names = {"id", "author_id", "original_id"} & row.keys()
    ids = {name: None if row[name] is None else row[name] + by * 10**6 for name in names}
    ids |= {"mentioned_ids": [who + by * 10**6 for who in row["mentioned_ids"]]} if row.get("mentioned_ids") else {}
    return {**row, **ids, **({"keyword_id": row["keyword_id"] + by * APART} if "keyword_id" in row else {})}


@pytest.fixture(scope="module")
def computed(host, tmp_path_factory):
    """Compute all worlds at once, from rows in an order of one's choice; returns the rows of `influence`."""

    def compute(order=list) -> list[dict]:
        folder = tmp_path_factory.mktemp("worlds")
        made = [[[moved(row, by) for row in rows] for rows in make()] for by, make in enumerate(WORLDS.values())]
        frames = []
        for place, name in enumerate(("tweet", "author")):
            rows = order([row for world in made for row in world[place]])
            pq.write_table(pa.Table.from_pylist(rows, SCHEMAS[name]), folder / f"{name}.parquet", row_group_size=500)
            frames.append(host.spark().read.parquet(str(folder / f"{name}.parquet")))
        half_lives = {n + APART * by: time for by in range(len(WORLDS)) for n, time in HALF_LIVES.items()}
        window = Window(START, NOON, HALF_LIFE, half_lives)
        within = criteria.inside(frames[0], window)
        whole = within.unionByName(criteria.carried(within, frames[0], window))
        return influence.compute(within, nullcontext(whole), frames[1], window, load()).rows

    return compute


@pytest.fixture(scope="module")
def everything(computed):
    return computed()


@pytest.fixture
def world(everything):
    """The rows of one world, as if it had been alone."""

    def rows(name: str) -> list[dict]:
        by = list(WORLDS).index(name)
        ours = [row for row in everything if row["keyword_id"] // APART == by]
        back = [("author_id", 10**6), ("top_tweet_id", 10**6), ("keyword_id", APART)]
        return [row | {name: row[name] and row[name] - by * step for name, step in back} for row in ours]

    return rows


def by_author(rows: list[dict], name: str) -> dict:
    return {row["author_id"]: row[name] for row in rows}


@pytest.fixture
def job(engine, host, database_url, tmp_path):
    """Run the job on the tables, with a lake for this test alone."""

    def run(window_end: datetime | None = NOON) -> dict:
        from jobs.session import executors

        settings = Settings(database_url=database_url, lake=tmp_path / "lake")
        return influence.run(engine, host.spark(), settings, window_end, executors)

    return run


def stored(engine, model) -> list[dict]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(*model.__table__.columns)).mappings()]


def insert_rows(engine, model, *rows) -> None:
    with engine.begin() as connection:
        connection.execute(insert(model), list(rows))


def frames(engine) -> tuple[pd.DataFrame, ...]:
    # As objects: pandas would make floats of a column with a NULL, and floats cannot hold an id.
    return tuple(pd.DataFrame(stored(engine, model), dtype=object) for model in (Tweet, Author))


@pytest.mark.cluster
@pytest.mark.parametrize("seed", SEEDS)
def test_scores_equal_their_recomputation_in_pandas(world, seed):
    tweets, authors = (pd.DataFrame(rows, dtype=object) for rows in at_random(seed))
    wanted = expected(tweets, authors, Window(START, NOON, HALF_LIFE, HALF_LIVES))

    assert len(wanted) > 10
    assert_same(world(f"seed {seed}"), wanted)


@pytest.mark.cluster
def test_no_order_of_rows_changes_anything(everything, computed):
    def by_key(rows):
        return sorted(rows, key=lambda row: (row["keyword_id"], row["author_id"]))

    assert by_key(computed(lambda rows: random.Random(1).sample(rows, len(rows)))) == by_key(everything)


@pytest.mark.cluster
def test_raising_any_criterion_never_lowers_a_score(world):
    score = by_author(world("more_of_something"), "score")
    pairs = [(score[1000 + 2 * case], score[1001 + 2 * case]) for case in range(60)]

    assert all(more >= less for less, more in pairs)
    assert sum(more > less for less, more in pairs) > 30


@pytest.mark.cluster
def test_retweeting_others_never_raises_ones_own_resonance(world):
    assert by_author(world("loud"), "resonance") == by_author(world("quiet"), "resonance")
    assert by_author(world("loud"), "score") == by_author(world("quiet"), "score") != {}


@pytest.mark.cluster
def test_an_author_who_only_retweets_gets_no_score_and_the_original_author_gets_the_credit(world):
    assert [(row["author_id"], row["retweet_count"], row["tweets"]) for row in world("carried")] == [(1, 40, 1)]


@pytest.mark.cluster
def test_mentioning_oneself_or_the_same_person_again_earns_nothing(world):
    assert by_author(world("mentions"), "mentions") == {1: 2, 2: 0, 3: 0}


@pytest.mark.cluster
def test_old_fame_decays_by_half_in_a_half_life_of_the_keyword(world):
    earned = {row["keyword_id"]: row["engagement_points"] for row in world("fame")}
    curve = load().curves["engagement"]

    assert earned == pytest.approx({2: curve.of(50), 5: curve.of(50), 3: curve.of(100)}, abs=1e-6)
    assert {row["retweet_count"] for row in world("fame")} == {100}


@pytest.mark.cluster
def test_one_sarcastic_tweet_makes_no_detractor(world):
    assert by_author(world("moods"), "label") == {1: 0, 2: -1, 3: 0, 4: 1, 5: 0, 6: None}


@pytest.mark.cluster
def test_who_said_too_little_is_not_ranked(world):
    assert by_author(world("seldom"), "tweets") == {2: 1, 4: 2}


@pytest.mark.cluster
def test_equal_scores_are_ranked_by_followers_and_then_by_id(world):
    assert by_author(world("ties"), "rank") == {3: 1, 1: 2, 2: 3, 4: 4}


@pytest.mark.cluster
def test_an_author_of_whom_nothing_is_known_gets_no_score(world):
    assert world("unknown") == []


@pytest.mark.cluster
def test_a_count_that_cannot_be_is_taken_for_unknown(world):
    [row] = world("impossible")
    wanted = points({"followers_count": None, "listed_count": 1, "tweet_count": 10, "engagement": 3, "mentions": 0})

    assert row["score"] == pytest.approx(wanted["score"])
    assert row["followers_points"] is None


@pytest.mark.cluster
def test_a_rank_has_an_interval_that_holds_it_and_says_how_sure_it_is(world):
    rows = {row["author_id"]: row for row in world("luck")}
    ranks = {who: (row["rank_low"], row["rank"], row["rank_high"]) for who, row in rows.items()}

    assert ranks[1] == (1, 1, 3)  # one viral tweet: luck
    assert ranks[2][:2] == (1, 2)
    assert ranks[3][1] == 3
    assert ranks[4] == (4, 4, 4)


@pytest.mark.cluster
def test_a_second_run_reads_what_changed_and_replaces_the_window(engine, job, keyword, tweet_row, author_row):
    keyword()
    insert_rows(engine, Author, author_row(1), author_row(2))
    mine = [tweet_row(1, like_count=5), tweet_row(2)]
    insert_rows(engine, Tweet, *mine, *(tweet_row(id, author_id=2, sentiment=0.5) for id in (3, 4)))
    first = job()
    assert_same(stored(engine, Influence), expected(*frames(engine), WINDOW))

    with engine.begin() as connection:
        seq = text("pg_current_xact_id()::text::bigint")
        connection.execute(update(Tweet).where(Tweet.id == 1).values(like_count=500, seq=seq))
        connection.execute(update(Author).where(Author.id == 2).values(followers_count=10**6, seq=seq))
    second = job()
    assert_same(stored(engine, Influence), expected(*frames(engine), WINDOW))
    forget(engine, tweets=[3])
    third = job()

    assert (first["rows"], second["rows"], third["rows"], first["tweets"], third["authors"]) == (2, 2, 1, 4, 1)
    assert_same(stored(engine, Influence), expected(*frames(engine), WINDOW))
    (run,) = stored(engine, InfluenceRun)
    assert (run["state"], run["rows"], run["executors"], run["weights"]) == ("done", 1, 1, load().version)
    assert run["stage"] is None


def forget(engine, tweets):
    erasure.forget(engine, Gone(frozenset(tweets)), "deleted", words=lambda *_: (), scrub=lambda payload, _: payload)


@pytest.mark.cluster
def test_a_run_tells_the_window_the_audience_and_the_executors_that_ray_runs(
    engine, job, keyword, tweet_row, author_row
):
    from ray._private.state import actors

    ids = [keyword("nike"), keyword("puma")]
    insert_rows(engine, Author, author_row(1, followers_count=70), author_row(2, followers_count=7), author_row(3))
    insert_rows(engine, Tweet, *(tweet_row(id) for id in (1, 2)), tweet_row(5, author_id=3, matched=False))
    insert_rows(engine, Tweet, tweet_row(3, author_id=2, kind="retweet", original_id=1), tweet_row(4, author_id=9))
    insert_rows(engine, Tweet, *(tweet_row(id, keyword_id=ids[1]) for id in (1, 2)))
    with engine.begin() as connection:
        connection.execute(update(Keyword).where(Keyword.name == "puma").values(active=False))
    answer = job()
    executors = [a for a in actors().values() if "RayDPExecutor" in a["ActorClassName"] and a["State"] == "ALIVE"]

    assert answer.keys() >= {"window_end", "tweets", "authors", "rows", "seconds", "executors"}
    assert (answer["window_start"], answer["window_end"]) == (START.isoformat(), NOON.isoformat())
    assert answer["executors"] == len(executors) == 1
    assert [row["keyword_id"] for row in stored(engine, Influence)] == [ids[0]]  # the other is no longer tracked
    audience = {"tweets": 4, "voices": 3, "known": 2, "followers_count": 77}
    assert stored(engine, Audience) == [{"keyword_id": 1, "window_end": NOON} | audience]


@pytest.mark.cluster
def test_a_run_on_empty_tables_is_done_with_no_rows(engine, job):
    answer = job(None)

    assert (answer["rows"], answer["tweets"]) == (0, 0)
    assert stored(engine, InfluenceRun)[0]["state"] == "done"


@pytest.mark.cluster
def test_a_run_that_fails_says_why_and_leaves_the_window_as_it_was(
    engine, job, keyword, tweet_row, influence_row, tmp_path
):
    keyword()
    insert_rows(engine, Influence, influence_row(1))
    (tmp_path / "lake").write_text("a file where the lake should be")

    with pytest.raises(FileExistsError):
        job()
    (run,) = stored(engine, InfluenceRun)
    assert run["state"] == "failed"
    assert run["error"].startswith("FileExistsError")
    assert [row["author_id"] for row in stored(engine, Influence)] == [1]


@pytest.fixture
def heard(keyword, database_url):
    """Let a tracker store recorded payloads of a keyword."""

    def store_all(name: str, payloads) -> None:
        from actors.lanes import Stretch
        from actors.tracker import KeywordTracker

        numbered = list(enumerate(payloads, start=1))
        KeywordTracker(database_url).add([Stretch(keyword(name), name, name, "recorded", len(numbered), numbered)])

    return store_all


@pytest.mark.cluster
def test_the_order_on_real_tweets_equals_its_recomputation(engine, job, heard, test_data):
    with gzip.open(test_data / "tweets" / "retail_stream_v2.jsonl.gz") as recorded:
        heard("amazon", recorded)

    assert_recomputed(engine, job(None))


@pytest.mark.cluster
def test_the_order_on_the_scenario_equals_its_recomputation(engine, job, heard):
    from local_x.fields import EVERYTHING
    from local_x.rule_store import RuleStore
    from local_x.scenario import Scenario
    from local_x.stream import recorded

    monday, choir, rules = datetime(2026, 6, 22, 9, tzinfo=UTC), "#oneminutechoir", RuleStore()
    rules.add([{"value": choir, "tag": f"tt:{choir}"}])
    heard(choir, recorded(Scenario(seed=7, now=monday), rules, EVERYTHING, hours=12))

    assert_recomputed(engine, job(None))


def assert_recomputed(engine, answer) -> None:
    """Every row, and the order in each mood, of whom there are five at least."""
    end = datetime.fromisoformat(answer["window_end"])
    wanted = expected(*frames(engine), Window(end - timedelta(hours=72), end))
    rows = stored(engine, Influence)
    assert_same(rows, wanted)
    for label in (-1, 0, 1):
        top = [row["author_id"] for row in sorted(rows, key=rank) if row["label"] == label]
        by_rank = sorted(wanted.items(), key=lambda one: rank(one[1]))
        assert top == [who for (_, who), row in by_rank if row["label"] == label]
        assert len(top) >= 5


def rank(row):
    return row["rank"]


def test_scores_that_stop_half_way_change_nothing(engine, keyword, influence_row):
    keyword()
    insert_rows(engine, Influence, influence_row(1))
    token = store.start_influence_run(engine, START, NOON, "v")

    def rows():
        yield from (influence_row(author) for author in range(2, store.COPIED_AT_ONCE + 10))
        raise ConnectionError("Spark is gone")

    with pytest.raises(ConnectionError):
        store.finish_influence_run(engine, NOON, token, rows(), (), tweets=1, authors=1, executors=1)
    assert [row["author_id"] for row in stored(engine, Influence)] == [1]
    assert stored(engine, InfluenceRun)[0]["state"] == "running"


def test_scores_beyond_one_copy_are_all_stored(engine, keyword, influence_row):
    keyword()
    token = store.start_influence_run(engine, START, NOON, "v")
    many = store.COPIED_AT_ONCE + 1
    rows = map(influence_row, range(1, many + 1))
    run = store.finish_influence_run(engine, NOON, token, rows, (), tweets=1, authors=1, executors=1)

    assert run["rows"] == many == len(stored(engine, Influence))


def finish(engine, token, rows=(), end=NOON):
    return store.finish_influence_run(engine, end, token, rows, (), tweets=1, authors=1, executors=1)


def test_a_run_that_was_taken_for_dead_and_comes_late_changes_nothing(engine, keyword, influence_row):
    keyword()
    dead = store.start_influence_run(engine, START, NOON, "v")
    alive = store.start_influence_run(engine, START, NOON, "v")
    with pytest.raises(store.SupersededError, match="Another run"):
        finish(engine, dead, [influence_row(1)])
    store.stage_influence_run(engine, NOON, dead, "load")
    store.fail_influence_run(engine, NOON, dead, "superseded")
    assert [(run["state"], run["stage"]) for run in stored(engine, InfluenceRun)] == [("running", None)]

    finish(engine, alive, [influence_row(2)])
    with pytest.raises(store.SupersededError):
        finish(engine, alive, [influence_row(3)])
    assert [row["author_id"] for row in stored(engine, Influence)] == [2]


def test_a_run_that_was_killed_is_marked_as_failed_by_the_next(engine):
    store.start_influence_run(engine, START, NOON, "v")
    store.start_influence_run(engine, START, NOON + timedelta(minutes=15), "v")
    killed, running = sorted(stored(engine, InfluenceRun), key=lambda run: run["window_end"])

    assert (killed["state"], running["state"]) == ("failed", "running")
    assert "killed" in killed["error"]


def test_history_is_thinned_by_age_to_the_last_of_each_hour_and_then_of_each_day(engine, keyword, influence_row):
    keyword()
    quarters = [NOON - n * timedelta(minutes=15) for n in range(50 * 4)] + [
        NOON - timedelta(days=days, minutes=15 * n) for days in (3, 40) for n in range(8)
    ]
    for end in sorted(quarters):
        finish(engine, store.start_influence_run(engine, end, end, "v"), [influence_row(1)], end)
    ends = sorted({row["window_end"] for row in stored(engine, Influence)})

    newest = [end for end in ends if end > NOON - timedelta(hours=48)]
    hourly = [end for end in ends if NOON - timedelta(days=30) < end <= NOON - timedelta(hours=48)]
    daily = [end for end in ends if end <= NOON - timedelta(days=30)]
    assert len(newest) == 48 * 4
    assert hourly == [NOON - timedelta(days=3, hours=1), NOON - timedelta(days=3), *hours(49, 48)]
    assert daily == [NOON - timedelta(days=40)]
    assert {run["window_end"] for run in stored(engine, InfluenceRun)} == set(ends)


def hours(*back):
    return [NOON - timedelta(hours=hour) for hour in back]


def test_there_are_never_two_runs_at_once(engine):
    refused = pytest.raises(influence.RunningError, match="in progress")
    with influence.only_run(engine), refused, influence.only_run(engine):
        pass
    with influence.only_run(engine):
        pass


def test_a_window_without_arguments_ends_where_the_newest_tweet_is():
    at = datetime(2016, 12, 1, 9, 50, tzinfo=UTC)

    assert influence.newest_window_end(at, NOON) == datetime(2016, 12, 1, 10, tzinfo=UTC)
    assert influence.newest_window_end(NOON - timedelta(minutes=3), NOON + timedelta(minutes=9)) == NOON
    assert influence.newest_window_end(NOON + timedelta(minutes=3), NOON + timedelta(minutes=9)) == NOON
    assert influence.newest_window_end(None, NOON + timedelta(minutes=9)) == NOON


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda time: 1 < time.year < 9999))
def test_a_quarter_hour_holds_its_time(time):
    before, after = influence.quarter_before(time), influence.quarter_after(time)

    assert before <= time <= after
    assert after - before in (timedelta(0), timedelta(minutes=15))
    assert before.minute % 15 == before.second == before.microsecond == 0


@pytest.mark.parametrize("given_end", ["2026-06-19T12:00", "2026-06-19T12:00Z", "2026-06-19T14:00+02:00"])
def test_a_window_may_be_given_in_any_zone_and_is_utc_without_one(given_end):
    assert influence.given_window_end(given_end, NOON) == NOON


@pytest.mark.parametrize("given_end", ["yesterday", "", "2026-06-19T12:01Z", "'; DROP TABLE tweet; --"])
def test_a_window_that_is_no_time_or_still_to_come_is_refused(given_end):
    with pytest.raises(influence.WindowError):
        influence.given_window_end(given_end, NOON)
