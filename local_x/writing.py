"""Writes the texts of tweets: draws from the topics by Zipf's law and sees to it that the keyword is named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from random import Random
from typing import TypeVar

from local_x.topics import OPENERS, QUOTES, SLOTS, SPAM, Subject, Topic

T = TypeVar("T")
SENTENCE_START = re.compile(r"(?:^|[.!?] )[a-z]")


@cache
def zipf(length: int) -> list[float]:
    """Return the cumulated weights 1, 1/2, 1/3, ... that make early entries common and late ones rare."""
    return list(accumulate(1 / rank for rank in range(1, length + 1)))


def pick(rng: Random, entries: Sequence[T]) -> T:
    """Draw an entry by Zipf's law."""
    return rng.choices(entries, cum_weights=zipf(len(entries)))[0]


class Slots:
    """Fills `{slot}` with a word drawn anew each time; for `str.format_map`."""

    def __init__(self, rng: Random):
        self._rng = rng

    def __getitem__(self, slot: str) -> str:
        return pick(self._rng, SLOTS[slot])


def filled(sentence: str, rng: Random) -> str:
    """Return the sentence with its slots filled and its beginnings in capitals."""
    words: str = sentence.format_map(Slots(rng))
    return SENTENCE_START.sub(lambda start: start[0].upper(), words)


def tweet(rng: Random, subject: Subject, topic: Topic, language: str) -> tuple[str, str]:
    """Return the text of a tweet and its language, which is `und` when it has no words."""
    if rng.random() < 0.02 and topic.emoji:
        return named(f"{pick(rng, topic.emoji)} {pick(rng, topic.emoji)}", subject), "und"
    abroad = subject.abroad.get(topic.mood, {}).get(language)
    text = rng.choice(abroad) if abroad else sentence(rng, topic)
    if topic.emoji and rng.random() < 0.4:
        text += " " + " ".join(pick(rng, topic.emoji) for _ in range(pick(rng, (1, 2, 3))))
    text = named(text, subject, always=rng.random() < 0.5)
    for tag in {pick(rng, topic.tags): None for _ in range(pick(rng, (0, 1, 2, 3)))} if topic.tags else ():
        text += f" {tag}"
    if rng.random() < topic.links:
        text += f" https://example.com/{rng.choice(('p', 'story', 'clip', 'shop'))}/{rng.randrange(10**6)}"
    return text, language if abroad else "en"


def sentence(rng: Random, topic: Topic) -> str:
    """Return an English sentence, now and then with an opener."""
    text = filled(rng.choice(topic.sentences), rng)
    return pick(rng, OPENERS) + text if rng.random() < 0.12 else text


def reply(rng: Random, subject: Subject, topic: Topic, handle: str) -> str:
    """Return an answer to somebody."""
    return named(f"@{handle} {filled(rng.choice(subject.replies.get(topic.mood, QUOTES[topic.mood])), rng)}", subject)


def quote(rng: Random, subject: Subject, topic: Topic, link: str) -> str:
    """Return what somebody says about a tweet they quote."""
    return f"{named(rng.choice(QUOTES[topic.mood]), subject)} {link}"


def spam(spammer: int, subject: Subject) -> str:
    """Return the one text this spammer repeats."""
    return f"{named(SPAM[spammer % len(SPAM)], subject)} https://example.org/win/{spammer}"


def retweet(handle: str, text: str) -> str:
    """Return the text of a retweet, cut short as X does."""
    whole = f"RT @{handle}: {text}"
    return whole if len(whole) <= 140 else whole[:139] + "…"


def named(text: str, subject: Subject, *, always: bool = False) -> str:
    """Return the text with the keyword's hashtag behind it if it does not name the keyword, or always."""
    known = any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) for name in subject.names)
    return text if known and not always else f"{text} {subject.names[0]}"
