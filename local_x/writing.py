"""Writes the texts of tweets: draws from the topics by Zipf's law and sees to it that the keyword is named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from random import Random
from typing import TypeVar

from local_x.topics import CLOSERS, OPENERS, QUOTES, SLOTS, SPAM, Subject, Topic

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
    """Fills `{slot}` with a word drawn anew each time, no word twice; for `str.format_map`."""

    def __init__(self, rng: Random):
        self._rng = rng
        self._used: set[str] = set()

    def __getitem__(self, slot: str) -> str:
        word = pick(self._rng, [word for word in SLOTS[slot] if word not in self._used])
        self._used.add(word)
        return word


def filled(sentence: str, rng: Random) -> str:
    """Return the sentence with its slots filled and its beginnings in capitals."""
    words: str = sentence.format_map(Slots(rng))
    return SENTENCE_START.sub(lambda start: start[0].upper(), words)


def tweet(rng: Random, subject: Subject, topic: Topic, language: str) -> tuple[str, str]:
    """Return the text of a tweet and its language, which is `und` when it has no words."""
    if rng.random() < 0.02 and topic.emoji:
        return named(" ".join(several(rng, topic.emoji, (3, 2))), subject), "und"
    abroad = subject.abroad.get(topic.mood, {}).get(language)
    words = [rng.choice(abroad) if abroad else sentences(rng, topic)]
    if rng.random() < 0.4:
        words += several(rng, topic.emoji, (1, 2, 3))
    text = named(" ".join(words), subject, always=rng.random() < 0.5)
    tags = several(rng, topic.tags, (0, 1, 2, 3))
    links = [link(rng)] if rng.random() < topic.links else []
    return " ".join((text, *tags, *links)), language if abroad else "en"


def sentences(rng: Random, topic: Topic) -> str:
    """Return one or two English sentences, now and then with an opener or a closer."""
    chosen = rng.sample(topic.sentences, min(len(topic.sentences), 1 + (rng.random() < 0.22)))
    text = filled(" ".join(chosen), rng)
    if rng.random() < 0.1:
        return pick(rng, OPENERS) + text
    return f"{text} {pick(rng, CLOSERS)}" if rng.random() < 0.12 else text


def several(rng: Random, entries: Sequence[str], numbers: Sequence[int]) -> list[str]:
    """Return some entries, none twice, as many as a number drawn from `numbers`."""
    return list(dict.fromkeys(pick(rng, entries) for _ in range(pick(rng, numbers)) if entries))


def link(rng: Random) -> str:
    """Return a link to nowhere."""
    return f"https://example.com/{rng.choice(('p', 'story', 'clip', 'shop'))}/{rng.randrange(10**6)}"


def reply(rng: Random, subject: Subject, topic: Topic, handle: str) -> str:
    """Return an answer to somebody."""
    return named(f"@{handle} {filled(rng.choice(subject.replies.get(topic.mood, QUOTES[topic.mood])), rng)}", subject)


def quote(rng: Random, subject: Subject, topic: Topic, address: str) -> str:
    """Return what somebody says about a tweet they quote."""
    return f"{named(rng.choice(QUOTES[topic.mood]), subject)} {address}"


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
