"""Which fields and included objects a client asked for; without asking it gets X's few defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]

ALWAYS = {"synthetic"}  # the mark that nobody may filter away
DEFAULTS = {
    "tweet.fields": {"id", "text", "edit_history_tweet_ids"},
    "user.fields": {"id", "name", "username"},
    "place.fields": {"id", "full_name"},
}
EXPANSIONS = {  # and the tweet field each one brings along
    "author_id": "author_id",
    "geo.place_id": "geo",
    "in_reply_to_user_id": "in_reply_to_user_id",
    "entities.mentions.username": "entities",
    "referenced_tweets.id": "referenced_tweets",
    "referenced_tweets.id.author_id": "referenced_tweets",
}
X_FIELDS = {  # all that X knows, whether our objects have it or not
    "tweet.fields": "attachments author_id context_annotations conversation_id created_at edit_controls "
    "edit_history_tweet_ids entities geo id in_reply_to_user_id lang note_tweet paid_partnership possibly_sensitive "
    "public_metrics referenced_tweets reply_settings source text withheld",
    "user.fields": "created_at description entities id location most_recent_tweet_id name pinned_tweet_id "
    "profile_image_url protected public_metrics url username verified verified_type withheld",
    "place.fields": "contained_within country country_code full_name geo id name place_type",
    "media.fields": "alt_text duration_ms height media_key preview_image_url public_metrics type url variants width",
    "poll.fields": "duration_minutes end_datetime id options voting_status",
    "expansions": "attachments.media_keys attachments.poll_ids edit_history_tweet_ids "
    "referenced_tweets.id.attachments.media_keys " + " ".join(EXPANSIONS),
}
KNOWN = {name: set(values.split()) for name, values in X_FIELDS.items()}


class UnknownField(ValueError):
    """A parameter, or one of its values, that X does not know; `args` are its name and value."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of each kind of object, and the expansions, of one connection."""

    tweet: frozenset[str]
    user: frozenset[str]
    place: frozenset[str]
    expansions: frozenset[str]

    @classmethod
    def asked(cls, parameters: Mapping[str, str]) -> Shape:
        """Read the parameters of a request.

        Raises:
            UnknownField: X would answer the request with 400.
        """
        given = {name: set(filter(None, value.split(","))) for name, value in parameters.items()}
        for name, values in given.items():
            if unknown := values - KNOWN.get(name, set()):
                raise UnknownField(name, min(unknown))
        expansions = given.get("expansions", set())
        brought = {EXPANSIONS[name] for name in expansions if name in EXPANSIONS}
        tweet, user, place = (frozenset(DEFAULTS[name] | given.get(name, set()) | ALWAYS) for name in DEFAULTS)
        return cls(tweet | brought, user, place, frozenset(expansions))

    def cut(self, message: Object) -> dict[str, Any]:
        """Return a whole message with nothing but what was asked for."""
        data, includes = message["data"], message["includes"]
        tweets = includes.get("tweets", []) if "referenced_tweets.id" in self.expansions else []
        users = set(self._users(data, includes.get("tweets", [])))
        places = {
            one["geo"]["place_id"] for one in (data, *tweets) if "geo" in one and "geo.place_id" in self.expansions
        }
        kept = {
            "users": [only(user, self.user) for user in includes["users"] if user["id"] in users],
            "tweets": [only(tweet, self.tweet) for tweet in tweets],
            "places": [only(place, self.place) for place in includes.get("places", ()) if place["id"] in places],
        }
        kept = {name: objects for name, objects in kept.items() if objects}
        return {"data": only(data, self.tweet), **({"includes": kept} if kept else {})}

    def _users(self, data: Object, referenced: list[Object]) -> Iterator[str]:
        if "author_id" in self.expansions:
            yield data["author_id"]
        if "referenced_tweets.id.author_id" in self.expansions:
            yield from (tweet["author_id"] for tweet in referenced)
        if "in_reply_to_user_id" in self.expansions and "in_reply_to_user_id" in data:
            yield data["in_reply_to_user_id"]
        if "entities.mentions.username" in self.expansions:
            yield from (mention["id"] for mention in data.get("entities", {}).get("mentions", ()))


EVERYTHING = Shape.asked({name: ",".join(values) for name, values in KNOWN.items()})


def only(thing: Object, fields: frozenset[str]) -> dict[str, Any]:
    """Return an object with these fields alone."""
    return {name: value for name, value in thing.items() if name in fields}
