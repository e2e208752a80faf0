"""What is asked of X beside the stream: search, tweets by their ids, compliance jobs; through tweepy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson
import requests
import tweepy

from actors import waits
from actors.connection import FIELDS, SILENCE, at, refused

SEARCH, COUNTS = "/2/tweets/search/recent", "/2/tweets/counts/recent"
TWEETS, JOBS = "/2/tweets", "/2/compliance/jobs"
PAGE = 100  # tweets on a page, and ids in a request, at most

OLD = {name.replace("_fields", ".fields"): value for name, value in FIELDS.items()}
# X's OpenAPI 2.167 lists these names for search and look-up; what an expansion brings along need not be asked for.
NEW = {
    **{name: value for name, value in OLD.items() if name != "tweet.fields"},
    "post.fields": "id,text,note_post,created_at,lang,public_metrics,entities,conversation_id,geo,possibly_sensitive,"
    "withheld",
    "expansions": "author_id,geo.place_id,referenced_posts",
}


class NotNow(Exception):
    """X wants us to wait, or our budget does; says for how many seconds, and why."""

    def __init__(self, seconds: float, why: str):
        super().__init__(why)
        self.seconds = seconds


class Lookup:
    """Asks X, once: whoever calls owns the waits."""

    def __init__(self, bearer_token: str, base_url: str, silence: float = SILENCE):
        self._client = at(tweepy.Client(bearer_token), base_url, silence)
        self._names = OLD

    def search(self, query: str, since_id: int, until_id: int) -> Any:
        """Return a page of the newest tweets with ids between the two, neither included: X's document."""
        between = {"since_id": since_id, "until_id": until_id, "max_results": PAGE}
        return self._named("GET", SEARCH, {"query": query, **between})

    def counts(self, query: str) -> Any:
        """Return how many tweets of each of the last seven days match: X's document."""
        return self._ask("GET", COUNTS, {"query": query, "granularity": "day"})

    def tweets(self, ids: list[int]) -> Any:
        """Return up to 100 tweets as they are now, with their authors, and an error for each one that is not there."""
        return self._named("GET", TWEETS, {"ids": ",".join(map(str, ids))}, expansions="author_id")

    def jobs(self, kind: str) -> list[dict[str, Any]]:
        """Return the compliance jobs of a kind, tweets or users, that X remembers."""
        return list(self._ask("GET", JOBS, {"type": kind}).get("data", []))

    def create_job(self, kind: str, name: str) -> dict[str, Any]:
        """Create a compliance job."""
        return dict(self._ask("POST", JOBS, json={"type": kind, "name": name})["data"])

    def _named(self, method: str, path: str, asked: Mapping[str, Any], **instead: str) -> Any:
        """Ask with the old names of fields; if X knows them no more, with the new ones, also the next time."""
        try:
            return self._ask(method, path, {**asked, **self._names, **instead})
        except tweepy.BadRequest as error:
            if self._names is NEW or not names_a_field(error):
                raise
        self._names = NEW
        return self._ask(method, path, {**asked, **NEW, **instead})

    def _ask(self, method: str, path: str, asked: Mapping[str, Any] | None = None, json: Any = None) -> Any:
        try:
            return orjson.loads(self._client.request(method, path, params=asked, json=json).content)
        except tweepy.HTTPException as error:
            if wait := seconds_to_wait(error.response):
                raise NotNow(wait, refused(error.response).reason()) from error
            raise


def names_a_field(error: tweepy.BadRequest) -> bool:
    """Say whether X refuses a request for the name of a field or of an expansion."""
    told = [one.get("parameters", {}) for one in error.api_errors if isinstance(one, dict)]
    return any(name.endswith(".fields") or name == "expansions" for one in told for name in one)


def seconds_to_wait(response: requests.Response) -> float:
    """Return how long X wants us to wait; 0 when waiting does not help."""
    ended = refused(response)
    if ended.over_budget():
        return waits.BUDGET_WAIT
    return (
        waits.until_reset(response.headers.get("x-rate-limit-reset", ""), time.time()) if ended.status == 429 else 0.0
    )
