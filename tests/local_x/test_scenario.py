"""The scenario: the same for the same seed however it is cut, and like life."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import mean, median

import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from local_x.people import RHYTHM
from local_x.scenario import Scenario
from local_x.stories import AWAKE, wave_start

MONDAY = datetime(2026, 6, 22, 9, tzinfo=UTC)
WAVE = datetime(2026, 6, 19, 14, tzinfo=UTC)
VADER = SentimentIntensityAnalyzer()


def about(history, name):
    def said(message):
        return " ".join([message["data"]["text"], *(tweet["text"] for tweet in message["includes"].get("tweets", ()))])

    return [message for message in history if name.casefold() in said(message).casefold()]


def at(message):
    return datetime.fromisoformat(message["data"]["created_at"])


def per_hour(messages, start):
    return Counter((at(message) - start) // timedelta(hours=1) for message in messages)


def mood_per_hour(messages, start):
    scores = defaultdict(list)
    for message in messages:
        data = message["data"]
        if data["lang"] == "en" and kind(message) != "retweeted":
            scores[(at(message) - start) // timedelta(hours=1)].append(VADER.polarity_scores(data["text"])["compound"])
    return {hour: mean(values) for hour, values in scores.items()}


def kind(message):
    return message["data"].get("referenced_tweets", [{"type": "original"}])[0]["type"]


def users(history):
    return {user["id"]: user for message in history for user in message["includes"]["users"]}.values()


def ranks(values):
    order = sorted(range(len(values)), key=values.__getitem__)
    return {index: rank for rank, index in enumerate(order)}


def rank_correlation(xs, ys):
    a, b = ranks(xs), ranks(ys)
    n = len(xs)
    return 1 - 6 * sum((a[i] - b[i]) ** 2 for i in range(n)) / (n * (n * n - 1))


def friday_fits(now, days_ago):
    at_two = (now - timedelta(days=days_ago)).replace(hour=14, minute=0)
    return at_two.weekday() == 4 and now - timedelta(hours=72) <= at_two <= now - timedelta(hours=14)


def test_pieces_of_a_stretch_are_the_whole(scenario):
    begin = MONDAY - timedelta(hours=1)
    cuts = [begin, begin + timedelta(minutes=13, seconds=7), MONDAY, MONDAY + timedelta(minutes=20)]
    whole = list(scenario.messages(cuts[0], cuts[-1]))
    pieces = [m for a, b in pairwise(cuts) for m in Scenario(seed=7, now=MONDAY).messages(a, b)]
    assert len(whole) > 1000
    assert pieces == whole


def test_another_seed_is_another_world(scenario):
    end = MONDAY + timedelta(minutes=2)
    other = Scenario(seed=8, now=MONDAY).messages(MONDAY, end)
    assert not {m["data"]["id"] for m in other} & {m["data"]["id"] for m in scenario.messages(MONDAY, end)}


def test_history_has_the_promised_size_and_the_live_phase_is_lively(scenario, history):
    assert 45_000 < len(history) < 65_000
    afternoon = MONDAY + timedelta(hours=6)
    live = sum(1 for _ in scenario.events(afternoon, afternoon + timedelta(minutes=20))) / 1200
    assert 0.9 < live < 3


def test_ids_are_19_digits_and_in_the_order_of_time(history):
    ids = [message["data"]["id"] for message in history]
    assert all(len(one) == 19 for one in ids)
    assert all(int(a) < int(b) for a, b in pairwise(ids))
    assert all(at(a) <= at(b) for a, b in pairwise(history))


def test_the_wave_rises_on_friday_at_14_peaks_near_2750_an_hour_and_fades_from_2(history):
    hours = per_hour(about(history, "friday"), WAVE)
    assert max(hours[-3], hours[-2], hours[-1]) < 150
    assert hours[0] > 500
    assert 2400 < max(hours.values()) < 3100
    assert hours[11] > 800
    assert hours[16] < 300


def test_the_mood_of_the_wave_is_always_positive(history):
    moods = mood_per_hour(about(history, "friday"), WAVE)
    assert min(moods[hour] for hour in range(16)) > 0.4


def test_the_incident_turns_volume_up_and_mood_down_within_an_hour(history):
    incident = MONDAY - timedelta(hours=5, minutes=30)
    messages = about(history, "aerolume")
    hours, moods = per_hour(messages, incident), mood_per_hour(messages, incident)
    before = [hour for hour in hours if hour < -1]
    assert hours[0] > 5 * mean(hours[hour] for hour in before)
    assert mean(moods[hour] for hour in before) > 0
    assert moods[0] < -0.2
    assert hours[4] < 0.7 * max(hours.values())


def test_the_choir_is_small_accounts_sharing_much_and_fathers_day_big_ones_sharing_little(history):
    def looked_at(name):
        messages = about(history, name)
        authors = [
            m["includes"]["users"][0]["public_metrics"]["followers_count"] for m in messages if kind(m) == "original"
        ]
        return median(authors), sum(kind(m) == "retweeted" for m in messages) / len(messages)

    choir, fathers_day = looked_at("choir"), looked_at("father")
    assert choir[0] < 1000 < 10_000 < fathers_day[0]
    assert fathers_day[1] < 0.2 < 0.5 < choir[1]


@pytest.mark.parametrize("weekday", range(7))
@pytest.mark.parametrize("hour", [0, 3, 4, 13, 15, 23])
def test_every_history_shows_one_whole_wave(weekday, hour):
    now = datetime(2026, 6, 15, hour, 30, tzinfo=UTC) + timedelta(days=weekday)
    start = wave_start(now - timedelta(hours=1), now)
    assert now - timedelta(hours=72) <= start <= now - timedelta(hours=14)
    assert start.hour == 14
    assert start.weekday() == 4 or not any(friday_fits(now, days) for days in range(4))


def test_in_the_live_phase_the_wave_comes_on_fridays():
    later = datetime(2026, 6, 26, 20, tzinfo=UTC)
    assert wave_start(later, MONDAY) == datetime(2026, 6, 26, 14, tzinfo=UTC)


def test_followers_are_heavy_tailed_and_rank_with_lists_and_tweets(history):
    counts = [user["public_metrics"] for user in users(history)]
    followers = [count["followers_count"] for count in counts]
    assert max(followers) > 1000 * median(followers)
    assert sum(sorted(followers)[-len(followers) // 100 :]) > 0.4 * sum(followers)
    assert rank_correlation(followers, [count["listed_count"] for count in counts]) > 0.7
    assert rank_correlation(followers, [count["tweet_count"] for count in counts]) > 0.4


def test_hashtags_follow_zipfs_law(history):
    tags = Counter(
        tag["tag"].casefold()
        for message in history
        for tag in message["data"].get("entities", {}).get("hashtags", ())
        if kind(message) == "original"
    )
    top = [count for _, count in tags.most_common(60)]
    assert len(tags) > 80
    assert top[0] > 4 * top[9] > 4 * top[29] > 0


def test_only_reserved_names_and_links_appear(history):
    texts = {message["data"]["text"] for message in history}
    assert all(re.fullmatch(r"[a-z0-9]{1,7}_example", user["username"]) for user in users(history))
    assert all(
        handle.endswith("_example") for text in texts for handle in re.findall(r"@(\w+)", text) if "…" not in text
    )
    links = {link for text in texts for link in re.findall(r"https?://[^\s…]+(?=\s|$)", text)}
    assert links
    assert all(re.match(r"https://example\.(com|org)/", link) for link in links)
    assert len({user["username"] for user in users(history)}) == len(users(history))


def test_everything_is_marked_synthetic(history):
    for message in history:
        objects = [message["data"], *message["includes"]["users"], *message["includes"].get("tweets", ())]
        assert all(one["synthetic"] is True for one in objects)


def test_a_cascade_counts_its_retweets_one_by_one(history):
    seen = defaultdict(list)
    for message in history:
        if kind(message) == "retweeted":
            original = message["includes"]["tweets"][0]["public_metrics"]
            own = message["data"]["public_metrics"]
            assert own["retweet_count"] == original["retweet_count"]
            assert own["like_count"] == 0
            seen[message["includes"]["tweets"][0]["id"]].append(original)
    born = {message["data"]["id"] for message in history if kind(message) == "original"}
    whole = [[counts["retweet_count"] for counts in snapshots] for tweet, snapshots in seen.items() if tweet in born]
    assert all(counts == list(range(1, len(counts) + 1)) for counts in whole)
    assert all(a["like_count"] <= b["like_count"] for snapshots in seen.values() for a, b in pairwise(snapshots))
    assert max(map(len, whole)) > 100


def test_languages_and_locations_are_as_mixed_as_on_x(history):
    languages = Counter(message["data"]["lang"] for message in history)
    assert {"en", "es", "pt", "ja", "fr", "de", "und"} == languages.keys()
    assert 0.75 < languages["en"] / len(history) < 0.88
    places = Counter(user.get("location", "") for user in users(history))
    assert {"", "she/her", "Lyon, France", "Austin, TX", "東京"} <= places.keys()
    assert any("places" in message["includes"] for message in history)


def test_a_day_has_lively_hours_and_quiet_ones():
    assert mean(RHYTHM) == pytest.approx(1, abs=0.02)
    shares = [AWAKE.share(hour) for hour in range(24)]
    assert mean(shares) == pytest.approx(1)
    assert max(shares) > 1.5 * min(shares)
