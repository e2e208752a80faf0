"""Which fields and included objects a client asked for; without asking it gets X's few defaults."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_x.names import NEW, OLD

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
ALIASES = {"post.fields": "tweet.fields"}
RENAMED_EXPANSIONS = {"referenced_posts": "referenced_tweets.id", "edit_history_post_ids": "edit_history_tweet_ids"}
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
    def asked(cls, parameters: Mapping[str, str], *, others: Collection[str] = (), only_new: bool = False) -> Shape:
        """Read the parameters of a request, in both spellings.

        Args:
            parameters: as in the query.
            others: parameters that are for somebody else.
            only_new: whether X has forgotten the old names.

        Raises:
            UnknownField: X would answer the request with 400.
        """
        given: dict[str, set[str]] = {}
        for name, value in parameters.items():
            if name not in others:
                known = ALIASES.get(name, name)
                given[known] = {old_name(known, one, only_new=only_new) for one in value.split(",") if one}
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


def old_name(parameter: str, value: str, *, only_new: bool) -> str:
    """Return a value of a parameter as it was called before X renamed it.

    Raises:
        UnknownField: it is an old name, and X knows the new ones only.
    """
    if only_new and (value in NEW or value.startswith("referenced_tweets.id")):
        raise UnknownField(parameter, value)
    return (RENAMED_EXPANSIONS if parameter == "expansions" else OLD).get(value, value)


def page(shape: Shape, messages: Iterable[Object]) -> dict[str, Any]:
    """Return messages as one answer: `data` in a row, and what they include, each object once."""
    data: list[Object] = []
    includes: dict[str, dict[str, Object]] = {}
    for message in messages:
        cut = shape.cut(message)
        data.append(cut["data"])
        for kind, objects in cut.get("includes", {}).items():
            includes.setdefault(kind, {}).update((one["id"], one) for one in objects)
    kept = {kind: list(objects.values()) for kind, objects in includes.items()}
    return {**({"data": data} if data else {}), **({"includes": kept} if kept else {})}


EVERYTHING = Shape.asked({name: ",".join(values) for name, values in KNOWN.items()})


def only(thing: Object, fields: frozenset[str]) -> dict[str, Any]:
    """Return an object with these fields alone."""
    return {name: value for name, value in thing.items() if name in fields}
