import json
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import lanes
from actors.lanes import COOL, FEW, Followed, carriers, split, turns

NOW = 1000.0
MOST = 8


def payload(id, original=None):
    references = [{"type": "retweeted", "id": str(original)}] if original else []
    data = {"id": str(id), "author_id": "7", "text": "hello", "referenced_tweets": references}
    return json.dumps({"data": data, "matching_rules": [{"id": "1", "tag": "nike"}]}).encode()


def followed(number, waiting=0):
    """Make a keyword for which so many payloads wait."""
    one = Followed(number, f"keyword {number}")
    for position in range(1, waiting + 1):
        one.put(position, b"{}")
    return one


def crowd(cold, hot=0):
    return [followed(number, lanes.BATCH if number <= hot else 1) for number in range(1, cold + hot + 1)]


def stretches(one, most):
    """Send what can be sent; yields the lanes with what they sent."""
    return [(lane, sent) for lane in one.lanes if (sent := lane.next("spool", most))]


@given(st.lists(st.one_of(st.just("next"), st.just("back"), st.integers(1, 5), st.just("put")), max_size=80))
def test_shards_that_change_at_any_moment_lose_nothing_double_nothing_and_keep_each_lane_in_order(moves):
    one, position, sent = Followed(1, "nike"), 0, defaultdict(list)
    for move in [*moves, "back", 1, "next", "back", "next"]:
        if move == "put":
            position += 1
            one.put(position, payload(position, original=position // 3))
        elif move == "next":
            for lane, stretch in stretches(one, most=1_000_000):
                if stretch.upto not in sent[lane.name]:
                    sent[lane.name] += [at for at, _ in stretch.payloads]
        elif move == "back":
            for lane in one.lanes:
                lane.sent = None
        else:
            one.shards = move
        one.settle()

    assert Counter(at for every in sent.values() for at in every) == dict.fromkeys(range(1, position + 1), 1)
    assert all(every == sorted(every) for every in sent.values())
    assert one.uncommitted() == len(one.lanes[0].sent.payloads if one.lanes[0].sent else [])


@given(st.integers(2, 9), st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=1))
def test_a_payload_goes_to_exactly_one_shard_and_a_retweet_to_its_original_s(shards, tweets):
    one = Followed(1, "nike")
    one.shards = shards
    one.settle()
    for position, (id, original) in enumerate(tweets, 1):
        one.put(position, payload(id, original))

    shard_of = {at: lane.name for lane in one.lanes for at, _ in lane.waiting}
    assert one.waiting() == len(shard_of) == len(tweets)
    about = defaultdict(set)
    for position, (id, original) in enumerate(tweets, 1):
        about[original or id].add(shard_of[position])
    assert {len(names) for names in about.values()} == {1}


def test_a_stretch_that_is_not_known_to_be_committed_is_sent_again_as_it_was():
    one = followed(1, waiting=3)
    (lane,) = one.lanes
    first = lane.next("spool", most=2)
    one.put(4, b"{}")

    assert lane.next("spool", most=100) is first
    lane.sent = None
    assert [at for at, _ in lane.next("spool", most=100).payloads] == [3, 4]


def test_a_keyword_is_not_dealt_anew_while_a_stretch_is_in_flight():
    one = followed(1, waiting=3)
    one.lanes[0].next("spool", most=1)
    one.shards = 2
    one.settle()

    assert stretches(one, most=9) == [(one.lanes[0], one.lanes[0].sent)]
    one.lanes[0].sent = None
    one.settle()
    assert sum(len(lane.waiting) for lane in one.lanes) == 2
    assert len(one.lanes) == 2


def test_with_trackers_enough_every_keyword_has_one_of_its_own_that_bears_its_name():
    assert carriers(crowd(cold=MOST), MOST, {}, NOW) == {f"keyword {n}": f"keyword {n}" for n in range(1, MOST + 1)}


def test_when_keywords_outnumber_the_trackers_they_share_them_evenly():
    carried = carriers(crowd(cold=100), MOST, {}, NOW)

    assert len(carried) == 100
    assert sorted(Counter(carried.values()).values()) == [12] * 4 + [13] * 4


def test_a_hot_keyword_among_many_gets_a_tracker_of_its_own_and_the_cold_ones_stay_where_they_can():
    keywords = crowd(cold=100)
    before = carriers(keywords, MOST, {}, NOW)
    for position in range(lanes.BATCH):
        keywords[0].put(position, b"{}")
    carried = carriers(keywords, MOST, before, NOW)

    assert [lane for lane, tracker in carried.items() if tracker == carried["keyword 1"]] == ["keyword 1"]
    assert len(set(carried.values())) == MOST
    moved = [lane for lane in carried if carried[lane] != before[lane] and lane != "keyword 1"]
    assert {before[lane] for lane in moved} == {'"shared 8"'}


@given(st.integers(0, 30), st.integers(0, 12), st.integers(1, 10), st.integers(1, 8))
def test_every_lane_has_one_tracker_and_there_are_never_more_than_allowed(cold, hot, most, busy):
    keywords, before = crowd(cold, hot), {}
    for _ in range(5):
        split(keywords, most, busy, NOW)
        for one in keywords:
            one.settle()
        before = carriers(keywords, most, before, NOW)
        assert before.keys() == {lane.name for one in keywords for lane in one.lanes}
        assert len(set(before.values())) <= most
    for one in keywords:
        held = Counter(before[lane.name] for lane in one.lanes)
        assert max(held.values()) == 1  # the shards of a keyword never share


@pytest.mark.parametrize(("busy", "shards"), [(1, 1), (2, 2), (4, 4), (99, MOST - 1)])
def test_a_keyword_with_a_backlog_is_split_as_far_as_there_is_room(busy, shards):
    keywords = crowd(cold=3, hot=1)
    for _ in range(20):
        split(keywords, MOST, busy, NOW)

    assert [one.shards for one in keywords] == [shards, 1, 1, 1]


def test_a_keyword_that_has_cooled_down_is_one_lane_again_but_not_at_once():
    one = followed(1, waiting=lanes.BATCH)
    split([one], MOST, 4, NOW)
    one.settle()
    for lane in one.lanes:
        lane.waiting.clear()

    split([one], MOST, 2, NOW + COOL - 1)
    assert one.shards == 2
    split([one], MOST, 2, NOW + COOL)
    assert one.shards == 1


def test_of_trackers_that_get_many_the_furthest_behind_work_first_and_only_some_at_once():
    waiting = {"cool": FEW, "hot": 9 * FEW, "warm": 2 * FEW}

    assert turns(waiting, laden=0, busy=3) == ["hot", "warm", "cool"]
    assert turns(waiting, laden=1, busy=3) == ["hot", "warm"]
    assert turns(waiting, laden=4, busy=3) == []


def test_a_tracker_that_gets_few_never_waits_for_its_turn():
    assert turns({"hot": 9 * FEW, "quiet": FEW - 1}, laden=2, busy=2) == ["quiet"]
