"""All tweets so far, as they are today: with the counts of the moment, edited, or gone."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from threading import RLock
from typing import Any

from local_x import snowflake
from local_x.messages import AIRLINE_IDS, Event, counted, entities
from local_x.scenario import Scenario
from local_x.stories import HISTORY

Message = dict[str, Any]
BY_ID = itemgetter(0)


class Gone(LookupError):
    """A tweet or user that cannot be had; `args` are the reason, such as `deleted` or `suspended`."""


class Archive:
    """What happened from the beginning of history until now. Safe to ask from any thread.

    Args:
        scenario: what happens.
        frontier: returns the lowest tweet id that is still to come.
    """

    def __init__(self, scenario: Scenario, frontier: Callable[[], int]):
        self._scenario, self.frontier = scenario, frontier
        self._coming = scenario.events(scenario.now - HISTORY)
        self._happened: list[Event] = []
        self._known: dict[int, Event] = {}  # also the older posts that somebody reacts to
        self._edits: dict[int, Message] = {}
        self._gone: dict[str, str] = {}  # ids of tweets and users, and why
        self._catching_up = RLock()
        self.news: deque[Message] = deque()  # edits that the stream has not told yet

    def catch_up(self) -> int:
        """Take in what has happened; returns the frontier. The first time costs a second."""
        end = self.frontier()
        with self._catching_up:
            while not self._happened or self._happened[-1].id < end:
                event = next(self._coming)
                self._known[event.id] = event
                self._known.setdefault(event.post.id, Event(event.post.id, event.post))
                self._happened.append(event)
        return end

    def tweet(self, tweet_id: int) -> Message:
        """Return the message about a tweet.

        Raises:
            Gone: there is no such tweet, or no more.
        """
        end = self.frontier()
        event = self._known.get(tweet_id)
        if tweet_id in self._edits:
            whole = self._edits[tweet_id]
        elif event and tweet_id < end:
            whole = self._scenario.today(event, end)
        else:
            raise Gone("deleted")
        if reason := self.reason(whole):
            raise Gone(reason)
        return whole

    def user(self, user_id: str) -> dict[str, Any]:
        """Return the user object of an account.

        Raises:
            Gone: there is no such account, or no more.
        """
        user = self._scenario.user(user_id)
        if user is None or user_id in self._gone:
            raise Gone(self._gone.get(user_id, "deleted"))
        return user

    def newest_first(self, first: int, last: int) -> Iterator[Message]:
        """Yield what there is to find of ids in [first, last): no retweets, and only an edited tweet's last version."""
        begin, end = (bisect_left(self._happened, one, key=BY_ID) for one in (first, last))
        found = [event.id for event in self._happened[begin:end] if not is_retweet(event)]
        found += [one for one in list(self._edits) if first <= one < last]
        for tweet_id in sorted(set(found), reverse=True):
            try:
                whole = self.tweet(tweet_id)
            except Gone:
                continue
            if whole["data"]["edit_history_tweet_ids"][-1] == str(tweet_id):
                yield whole

    def edit(self, tweet_id: int, text: str) -> Message:
        """Change a tweet's text, which gives it a new id; the stream will tell it.

        Raises:
            Gone: there is no such tweet.
        """
        new = self.catch_up() - 1
        while new in self._edits:
            new -= 1
        old = self.tweet(tweet_id)
        chain = [*old["data"]["edit_history_tweet_ids"], str(new)]
        data = {name: value for name, value in old["data"].items() if name != "entities"}
        data |= {"id": str(new), "text": text, "created_at": snowflake.created_at(new), **entities(text, AIRLINE_IDS)}
        self._edits[new] = {**old, "data": counted(data)}
        for version in map(int, chain):
            whole = self._edits.get(version) or self.tweet(version)
            self._edits[version] = {**whole, "data": {**whole["data"], "edit_history_tweet_ids": chain}}
        self.news.append(self._edits[new])
        return self._edits[new]

    def remove(self, ids: Iterable[str], reason: str = "deleted") -> None:
        """Let tweets or users be gone, for one of X's reasons: deleted, deactivated, protected, suspended, ..."""
        self._gone.update(dict.fromkeys(ids, reason))

    def reason(self, whole: Message) -> str | None:
        """Return why a message must not be shown: its tweet, author or what it retweets is gone."""
        if not self._gone:
            return None
        data, users = whole["data"], whole["includes"]["users"]
        keys = [*data["edit_history_tweet_ids"], data["author_id"]]
        for other in data.get("referenced_tweets", ()):
            if other["type"] == "retweeted":
                keys += [other["id"], *(user["id"] for user in users)]
        return next((self._gone[key] for key in keys if key in self._gone), None)

    def fate(self, key: str) -> str | None:
        """Return why the tweet or user with this id is gone, None when it is there."""
        try:
            self.user(key) if self._scenario.user(key) else self.tweet(int(key))
        except Gone as gone:
            return str(gone)
        return None


def is_retweet(event: Event) -> bool:
    """Say whether an event is a retweet, which search does not find."""
    return event.reaction is not None and event.reaction.kind == "retweeted"
