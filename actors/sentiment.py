"""How a text sounds: VADER's compound score, without what the text is about.

VADER's lexicon holds words that are also names: a flat sentence about the airline "united" comes out at +0.4. So the
tracked keyword and handles are swapped for a word without a value before scoring, and links are taken out.
Hutto and Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from vaderSentiment.vaderSentiment import (
    BOOSTER_DICT,
    C_INCR,
    N_SCALAR,
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
APOSTROPHES = "'’"
SIGILS = r"#@$\uff03\uff20"
HANDLE = r"[@\uff20]\w+"
NEARNESS = (1, 0.95, 0.9)  # how much of its strength is left of a word one, two and three words before another
EMPHATIC = ("so", "this")  # "never so good" is better than good
# A word of each of its phrases, the longest, since that is rarer than "the" and "of".
IDIOMATIC = frozenset(max(one.split(), key=len) for one in (*SPECIAL_CASES, *BOOSTER_DICT) if " " in one)
ALTERING = IDIOMATIC | {*EMPHATIC, "least", "no"}
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


@dataclass(frozen=True, slots=True)
class Word:
    """What VADER's rules ask of a word.

    Attributes:
        lower: the word in lower case.
        shouts: whether it is in capitals.
        value: its value in the lexicon; None for most.
        boost: what it adds to the strength of a value behind it.
        negates: whether it turns a value behind it round.
        alters: whether it may make another's value a different one.
    """

    lower: str
    shouts: bool
    value: float | None
    boost: float
    negates: bool
    alters: bool


class Analyzer(SentimentIntensityAnalyzer):
    """VADER, which here asks each word but once what it is, and looks only at what can move the score.

    The number is the same, for about a fifth of the work.
    """

    def __init__(self) -> None:
        super().__init__()
        self._met = lru_cache(maxsize=65_536)(self._word)

    def compound(self, text: str) -> float:
        """Return what `polarity_scores` calls the compound of a text."""
        text = (text if text.isascii() else self._described(text)).strip()
        words = list(map(self._met, text.split()))
        valued = [i for i, word in enumerate(words) if word.value is not None]
        if not valued:
            return 0.0
        stress = 0 < sum([word.shouts for word in words]) < len(words)  # where all shout, nobody does
        sentiments = [0.0] * len(words)
        for i in valued:
            sentiments[i] = self._valence(words, i, stress)
        total = float(sum(sentiments))
        if "but" in text.lower() and any(word.lower == "but" for word in words):
            total = float(sum(self._but_check([word.lower for word in words], sentiments)))
        marks = self._punctuation_emphasis(text) if total else 0
        compound: float = round(normalize(total + marks if total > 0 else total - marks), 4)
        return compound

    def _word(self, token: str) -> Word:
        word = SentiText._strip_punc_if_word(token)
        lower = word.lower()
        negates = lower in NEGATE or "n't" in lower
        boost = BOOSTER_DICT.get(lower, 0.0)
        alters = boost != 0 or negates or lower in ALTERING
        return Word(lower, word.isupper(), self.lexicon.get(lower), boost, negates, alters)

    def _valence(self, words: list[Word], i: int, stress: bool) -> float:
        """Return what `sentiment_valence` does: the value of a word of the lexicon among the others."""
        word, value = words[i], words[i].value or 0.0
        if True not in [one.alters for one in words[max(0, i - 3) : i + 3]]:
            return value + emphasis(word, value, stress)
        before, behind = words[max(0, i - 3) : i], words[i + 1 : i + 3]
        if word.boost or (behind and (word.lower, behind[0].lower) == ("kind", "of")):
            return 0.0
        lower = [one.lower for one in reversed(before)]
        negated = word.lower == "no" and behind and behind[0].value is not None
        valence = 0.0 if negated else value
        if "no" in lower[:2] or (lower[2:] == ["no"] and lower[0] in ("or", "nor")):
            valence = value * N_SCALAR
        valence += emphasis(word, valence, stress)
        for distance, other in enumerate(reversed(before)):
            if other.value is None:
                valence += boost(other, valence, stress) * NEARNESS[distance]
                valence = negation(other, lower[:distance], valence)
                if distance == 2:
                    window = [*lower[::-1], word.lower, *(one.lower for one in behind)]
                    valence = self._special_idioms_check(valence, window, 3)
        least = lower[:1] == ["least"] and before[-1].value is None and lower[1:2] not in (["at"], ["very"])
        return float(valence * N_SCALAR) if least else valence

    @staticmethod
    def _special_idioms_check(valence: float, words: list[str], i: int) -> float:
        if not IDIOMATIC.isdisjoint(words):
            valence = SentimentIntensityAnalyzer._special_idioms_check(valence, words, i)
        return valence

    def _described(self, text: str) -> str:
        """Return a text with VADER's words for each emoji."""
        return NOT_ASCII.sub(self._description, text)

    def _description(self, found: re.Match[str]) -> str:
        """Return VADER's words for an emoji, apart from what stands before it; any other character as it is."""
        words, before = self.emojis.get(found[0]), found.string[found.start() - 1 : found.start()]
        if not words:
            return found[0]
        return words if before in ("", " ") else f" {words}"


def emphasis(word: Word, valence: float, stress: bool) -> float:
    """Return what a value gains, up or down, from a word that is shouted while others are not."""
    if not (stress and word.shouts):
        return 0.0
    gain: float = C_INCR
    return gain if valence > 0 else -gain


def boost(word: Word, valence: float, stress: bool) -> float:
    """Return what a word adds to a value near behind it."""
    if not word.boost:
        return 0.0
    return (word.boost if valence >= 0 else -word.boost) + emphasis(word, valence, stress)


def negation(word: Word, between: list[str], valence: float) -> float:
    """Return a value behind a word that may turn it round; the nearest of what stands between is the first."""
    emphatic = word.lower == "never" and between and between[-1] in EMPHATIC
    if emphatic or (len(between) == 2 and between[0] in EMPHATIC):
        return valence * 1.25
    if word.negates and not (word.lower == "without" and "doubt" in between):
        return float(valence * N_SCALAR)
    return valence


@lru_cache(maxsize=1024)
def not_opinion(keyword: str) -> re.Pattern[str]:
    """Return the pattern of links, handles, and the keyword in every form in which it is written.

    "friday feeling" is also #FridayFeeling, @fridayfeeling, "friday-feeling" and "Friday Feeling's", and the other way
    round. A keyword inside a longer word is not itself.
    """
    between = HUMPS if keyword.startswith("#") else SEPARATORS
    words = [word for word in re.split(between, unicodedata.normalize("NFC", keyword)) if word.strip("#@$")]
    named = rf"[{SIGILS}]?{JOINT.join(map(_spelled, words))}(?!\w)" if words else r"(?!)"
    # Looking first at what a match may begin with saves two thirds of the time.
    begun = rf"(?=[h{APOSTROPHES}{SIGILS}{re.escape(''.join(words).lstrip('#@$' + APOSTROPHES)[:1])}])"
    return re.compile(rf"{begun}(?:{LINK}|(?<!\w)(?:{named}|{HANDLE})(?:['’]s\b)?)", re.IGNORECASE)


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
