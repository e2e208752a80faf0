"""How a text sounds: VADER's compound score, without what the text is about.

VADER's lexicon holds words that are also names: a flat sentence about the airline "united" comes out at +0.4. So the
tracked keyword and handles are swapped for a word without a value before scoring, and links are taken out.
Hutto and Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from vaderSentiment.vaderSentiment import (
    BOOSTER_DICT,
    NEGATE,
    SPECIAL_CASES,
    SentimentIntensityAnalyzer,
    SentiText,
    normalize,
)

SCORED = frozenset({"en"})  # the languages VADER's lexicon knows
POSITIVE = 0.05  # its authors' bounds: a compound from here up is positive, from the negative of it down negative
NEUTRAL_WORD = "zqz"  # not in the lexicon, and long enough for VADER to strip punctuation from it
LINK = r"(?P<link>https?://[!-~]+)"
SEPARATORS = r"[\s_-]+"  # what parts the words of a keyword,
HUMPS = rf"{SEPARATORS}|(?<=[a-z])(?=[A-Z][a-z])"  # and in a hashtag capitals too: #FridayFeeling
JOINT = r"[\s_-]*"  # between the words of a phrase
HANDLE = r"(?<!\w)[@\uff20]\w+"
NEGATING = frozenset({*NEGATE, "so", "this"})  # words before another that VADER's check of negation reacts to
IDIOMATIC = frozenset(one.split()[-1] for one in (*SPECIAL_CASES, *BOOSTER_DICT) if " " in one)  # ends of its phrases
NOT_ASCII = re.compile(r"[^\0-\x7f]")
NOTHING = re.compile(rf"(?:[\s.,:;!?…\"'“”‘’|-]|{NEUTRAL_WORD})*", re.IGNORECASE)


def scored(lang: str | None) -> bool:
    """Say whether texts of a language are scored; those of any other are "not scored", which is not neutral."""
    return lang in SCORED


def score(text: str, keyword: str) -> float | None:
    """Return the VADER compound of an English text, -1..1, whatever value the keyword's own words have.

    None if nothing but the keyword, handles, links and punctuation is in it.
    """
    opinion = neutral(text, keyword)
    return None if NOTHING.fullmatch(opinion) else _analyzer().compound(opinion)


@lru_cache(maxsize=1)  # the words of a text are looked for right after its sentiment
def neutral(text: str, keyword: str) -> str:
    """Return a text without links, and with a word of no value for handles and the keyword."""
    return not_opinion(keyword).sub(_neutral, text)


def label(score: float | None) -> int | None:
    """Return 1 for a positive score, -1 for a negative, 0 for a neutral and None for none."""
    if score is None:
        return None
    return (score >= POSITIVE) - (score <= -POSITIVE)


class Analyzer(SentimentIntensityAnalyzer):
    """VADER, which here looks only at what can move the score: about half the work for the same number."""

    def compound(self, text: str) -> float:
        """Return what `polarity_scores` calls the compound of a text."""
        text = (text if text.isascii() else self._described(text)).strip()
        sentitext = SentiText(text)
        words = sentitext.words_and_emoticons
        lower = [word.lower() for word in words]
        sentiments: list[float] = [0] * len(words)
        for i, word in enumerate(lower):
            if word in self.lexicon and word not in BOOSTER_DICT and lower[i : i + 2] != ["kind", "of"]:
                # All that moves a word's value stands up to three words before it and two behind.
                before, sentitext.words_and_emoticons = min(i, 3), words[max(0, i - 3) : i + 3]
                sentiments[i] = self.sentiment_valence(0, sentitext, words[i], before, []).pop()
        if "but" in lower:
            sentiments = self._but_check(words, sentiments)
        total = float(sum(sentiments))
        emphasis = self._punctuation_emphasis(text) if total else 0
        compound: float = round(normalize(total + emphasis if total > 0 else total - emphasis), 4)
        return compound

    @staticmethod
    def _negation_check(valence: float, words: list[str], start: int, i: int) -> float:
        before = " ".join(words[:i]).lower()
        if "n't" in before or not NEGATING.isdisjoint(before.split()):
            valence = SentimentIntensityAnalyzer._negation_check(valence, words, start, i)
        return valence

    @staticmethod
    def _special_idioms_check(valence: float, words: list[str], i: int) -> float:
        if not IDIOMATIC.isdisjoint(map(str.lower, words)):
            valence = SentimentIntensityAnalyzer._special_idioms_check(valence, words, i)
        return valence

    def _described(self, text: str) -> str:
        """Return a text with VADER's words for each emoji."""
        return NOT_ASCII.sub(self._word, text)

    def _word(self, found: re.Match[str]) -> str:
        """Return VADER's words for an emoji, apart from what stands before it; any other character as it is."""
        words, before = self.emojis.get(found[0]), found.string[found.start() - 1 : found.start()]
        if not words:
            return found[0]
        return words if before in ("", " ") else f" {words}"


@lru_cache(maxsize=1024)
def not_opinion(keyword: str) -> re.Pattern[str]:
    """Return the pattern of links, handles, and the keyword in every form in which it is written.

    "friday feeling" is also #FridayFeeling, @fridayfeeling, "friday-feeling" and "Friday Feeling's", and the other way
    round. A keyword inside a longer word is not itself.
    """
    between = HUMPS if keyword.startswith("#") else SEPARATORS
    words = [_spelled(word) for word in re.split(between, unicodedata.normalize("NFC", keyword)) if word.strip("#@$")]
    named = rf"(?<!\w)[#@$\uff03\uff20]?{JOINT.join(words)}(?!\w)" if words else r"(?!)"
    return re.compile(rf"{LINK}|(?:{named}|{HANDLE})(?:['’]s\b)?", re.IGNORECASE)


def _spelled(word: str) -> str:
    """Return the pattern of one word, whose apostrophes people type in two ways or leave out."""
    return re.sub("['’]", "['’]?", re.escape(word.lstrip("#@$")))


def _neutral(found: re.Match[str]) -> str:
    """Return what stands in for a match: nothing for a link, else one word, in capitals where the match is."""
    if found["link"]:
        return ""
    return NEUTRAL_WORD.upper() if found[0].isupper() else NEUTRAL_WORD


@cache
def _analyzer() -> Analyzer:
    return Analyzer()
