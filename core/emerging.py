"""Which terms emerge: more people use them than the past, or other talk, lets expect. Signed G2 on distinct authors.

The unit is the author and not the word, so that whoever repeats a word twenty times counts once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

LEAST_AUTHORS = 3
LEAST_TIMES = 2.0  # as large a share of the authors as before
SURE = 1e-4  # the chance that a term which does not emerge passes: of a few hundred at once some others would
ALIKE = 0.5  # of the words of two texts in common: then one of them stands for both
FALSE_SHARE = 0.05  # of a list, that may be there by chance (Benjamini and Hochberg)


@dataclass(frozen=True, slots=True)
class Emerging:
    """A term, how many authors use it and used it before, how sure that is more, and how many times more.

    `g2` is the log-likelihood ratio, 15.1 or more; `times` is infinite for a term that nobody used before.
    """

    term: str
    authors: int
    before: int
    g2: float
    times: float


def emerging(
    counts: Iterable[tuple[str, int, int]], now: int, before: int, least: int = LEAST_AUTHORS
) -> list[Emerging]:
    """Return the terms that emerge, the surest first.

    Args:
        counts: of each term that anybody uses now, the distinct authors now and before.
        now: all distinct authors now, whatever they write.
        before: all of before. Authors of several days count once a day, here and in `counts`.
        least: authors now, below which a term is not looked at.
    """
    looked_at = [
        Emerging(term, here, there, g2(here, there, now, before), times(here, there, now, before))
        for term, here, there in counts
        if here >= least
    ]
    ranked = sorted(looked_at, key=lambda one: (-one.g2, one.term))
    sure = [one for one in ranked if chance(one.g2) < SURE]
    # The longest list of which at most FALSE_SHARE are there by chance.
    true = (place for place, one in enumerate(sure, 1) if chance(one.g2) <= FALSE_SHARE * place / len(ranked))
    return [one for one in sure[: max(true, default=0)] if one.times >= LEAST_TIMES]


def g2(here: int, there: int, now: int, before: int) -> float:
    """Return 2 · sum of O · ln(O / E) over who uses a term and who does not; negative where fewer use it."""
    everybody, using = now + before, here + there
    if not (now and before):
        return 0.0  # nothing to compare with
    cells = [(here, now, using), (there, before, using)]
    cells += [(now - here, now, everybody - using), (before - there, before, everybody - using)]
    sum_ = sum(seen * math.log(seen * everybody / (row * column)) for seen, row, column in cells if seen)
    return math.copysign(2 * max(0.0, sum_), here / now - there / before)


def times(here: int, there: int, now: int, before: int) -> float:
    """Return how many times as large a share of the authors uses a term."""
    return here * before / (there * now) if there and now else math.inf


def chance(score: float) -> float:
    """Return how often chance alone gives a G2 as high, of one degree of freedom; 1 where the term is used less."""
    return math.erfc(math.sqrt(score / 2)) if score > 0 else 1.0


def bag(text: str) -> frozenset[str]:
    """Return the words and hashtags of a text, each once; links and handles, which copies change, are left out."""
    return frozenset(re.findall(r"#?\w+", re.sub(r"https?://\S+|@\w+", " ", text.casefold())))


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Say whether two bags of words have so much in common that one is enough (Jaccard)."""
    return len(one & other) > ALIKE * max(1, len(one | other))


def voices(bags: Iterable[frozenset[str]]) -> int:
    """Return how many of some texts say something of their own: near copies of one are one voice, whoever wrote them.

    Takes time in the square of the number of voices.
    """
    kept: list[frozenset[str]] = []
    for one in bags:
        if not any(alike(one, other) for other in kept):
            kept.append(one)
    return len(kept)
