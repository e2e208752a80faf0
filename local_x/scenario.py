"""What happens on the small X: tweets and what they set off, in the order of event time.

Time is cut into blocks, each drawn from the seed and its own number alone. A tweet's retweets, replies and quotes are
drawn with it and end within two days, so that a stretch of time needs no more of the past than that: it comes out
the same whether it is drawn in one go or in pieces, and no moment costs more than another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate, count
from math import log
from operator import itemgetter
from random import Random
from typing import Any

from local_x import snowflake
from local_x.messages import Event, Post, Reaction, message, now
from local_x.people import AIRLINE, CROWD, HOUSES, SPAM, STARS, People
from local_x.stories import AWAKE, Story, stories

BLOCK = 300  # seconds
ECHO = 47 * 3600  # seconds after which nobody reacts to a tweet any more
WARM_UP = ECHO // BLOCK + 1  # blocks
HALF_SHARED = 0.4 * 3600  # seconds until half of a tweet's reactions are there
BIGGEST_CASCADE = 400
SPAM_SHARE = 0.015
OF_HOUSES = {"shop", "news", "offers"}  # topics of papers, stations and shops


class Scenario:
    """The four stories around `now`, the moment at which recorded history ends and the live stream begins."""

    def __init__(self, seed: int, now: datetime):
        self.now = now
        self._seed = seed
        self._stories = stories(now)
        self._people = People(seed)
        # Whoever asks again soon finds the past blocks drawn: the stream, search, the next connection.
        self._block = lru_cache(maxsize=3 * WARM_UP)(lambda number: tuple(self._set_off(number)))

    def messages(self, begin: datetime, end: datetime | None = None) -> Iterator[dict[str, Any]]:
        """Yield the stream messages of [begin, end) in event time: `data` and `includes`, whole."""
        return map(self.message, self.events(begin, end))

    def message(self, event: Event) -> dict[str, Any]:
        """Return an event as X's objects."""
        return message(event, self._people)

    def today(self, event: Event, end: int) -> dict[str, Any]:
        """Return an event as X's objects, with the counts that it has before the id `end`."""
        return now(event, end, self._people)

    def user(self, user_id: str) -> dict[str, Any] | None:
        """Return the user object of an account, None when nobody has this id."""
        return self._people.user(user_id)

    def events(self, begin: datetime, end: datetime | None = None) -> Iterator[Event]:
        """Yield what happens in [begin, end), for ever when `end` is None; light until it is made a message."""
        first = snowflake.first_id(begin)
        last = snowflake.first_id(end) if end else 1 << 63
        pending: defaultdict[int, list[Event]] = defaultdict(list)
        for block in count(int(begin.timestamp()) // BLOCK - WARM_UP):
            for event in self._block(block):
                pending[block_of(event)].append(event)
            for event in sorted(pending.pop(block, ()), key=itemgetter(0)):
                if event.id >= last:
                    return
                if event.id >= first:
                    yield event

    def _set_off(self, block: int) -> Iterator[Event]:
        """Yield the tweets of a block, and each one's reactions, whenever they come."""
        for story in self._stories:
            for post in self._posts(story, block):
                yield Event(post.id, post)
                for reaction in post.reactions:
                    yield Event(reaction.id, post, reaction)

    def _posts(self, story: Story, block: int) -> Iterator[Post]:
        """Draw the tweets of a block: a Poisson process at the rate of the block's middle."""
        rng = Random(f"{self._seed}/{story.name}/{block}")
        begin, end = block * BLOCK, (block + 1) * BLOCK
        mix = story.mix(datetime.fromtimestamp((begin + end) / 2, UTC))
        topics, weights = list(mix), list(accumulate(mix.values()))
        gap = weights[-1] / 3600
        moment = begin + rng.expovariate(gap)
        while moment < end:
            yield self._post(story, rng.choices(topics, cum_weights=weights)[0], moment, rng)
            moment += rng.expovariate(gap)

    def _post(self, story: Story, topic: str, moment: float, rng: Random) -> Post:
        post_id = snowflake.new_id(moment, rng)
        if rng.random() < SPAM_SHARE:
            return Post(post_id, rng.choice(SPAM), story.subject, None, warmth=0)
        person = author(story, topic, moment, rng)
        followers = self._people.person(person).user["public_metrics"]["followers_count"]
        post = Post(post_id, person, story.subject, topic, warmth=rng.lognormvariate(log(2.5), 0.6))
        # A few tweets travel far and most not at all; how much fame helps depends on the story.
        reach = story.sharing * (rng.paretovariate(1.3) - 0.8) * ((followers + 50) / 300) ** story.fame
        retweets = min(BIGGEST_CASCADE, int(reach + rng.random()))
        answers = min(BIGGEST_CASCADE // 8, int(story.answers * (0.3 + retweets**0.6) + rng.random()))
        post.reactions = reactions(post, moment, retweets, answers, rng)
        return post


def author(story: Story, topic: str, moment: float, rng: Random) -> int:
    """Draw who writes about a topic at a moment."""
    if topic == "statement":
        return AIRLINE
    if topic in OF_HOUSES:
        return AWAKE.someone(rng, HOUSES, hour(moment))
    return AWAKE.someone(rng, STARS if rng.random() < story.loud else CROWD, hour(moment))


def reactions(post: Post, moment: float, retweets: int, answers: int, rng: Random) -> list[Reaction]:
    """Draw what a tweet sets off: many soon, a few late, each person once, with the counts running along."""
    delays = (rng.lognormvariate(log(HALF_SHARED), 1.3) for _ in range(retweets + answers))
    moments = sorted(moment + 2 + delay for delay in delays if delay < ECHO - BLOCK)
    counts = {"retweeted": 0, "replied_to": 0, "quoted": 0}
    done = []
    known = {post.person}
    for later in moments:
        person = AWAKE.someone(rng, CROWD, hour(later))
        if person in known:
            continue
        known.add(person)
        kind = rng.choices(tuple(counts), (retweets, answers * 0.65, answers * 0.35))[0]
        counts[kind] += 1
        done.append(Reaction(snowflake.new_id(later, rng), kind, person, *counts.values()))
    return done


def block_of(event: Event) -> int:
    """Return the block an event falls into."""
    return int(snowflake.seconds(event.id)) // BLOCK


def hour(moment: float) -> int:
    """Return the hour of the day, UTC, of a moment in seconds since 1970."""
    return int(moment) // 3600 % 24
