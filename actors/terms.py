"""The words and hashtags of a text that are worth counting."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache
from itertools import chain
from pathlib import Path

from actors.sentiment import NEUTRAL_WORD, neutral

MOST = 40  # terms of one tweet
LONGEST = 60  # characters of one term

CONTRACTIONS = ("n't", "'m", "'re", "'ve", "'ll", "'d")  # English words that end so are all common ones

# Python's \w leaves out the vowel signs without which Hindi or Arabic words fall to pieces.
MARKS = "".join(char for char in map(chr, range(0x300, 0x1200)) if unicodedata.category(char).startswith("M"))
LETTERS = rf"[\w{MARKS}\u200c\u200d]+"
TERM = re.compile(rf"[#\uff03]?{LETTERS}(?:['’]{LETTERS})*")
# Thai, Lao, Burmese, Khmer, kana and Han are written without spaces between words.
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def terms(text: str, lang: str | None, keyword: str) -> list[str]:
    """Return a text's distinct words and hashtags, casefolded, in order; hashtags keep their #.

    Links, handles, the keyword in any form, stop words, numbers and single letters are left out, and "shop's" is
    "shop". Scripts without spaces between words are not cut into words: of Japanese, Chinese, Thai and the like only
    hashtags count. At most `MOST` terms, none longer than `LONGEST`.
    """
    common = stop_words(lang)
    found = dict.fromkeys(chain.from_iterable(map(_counted, neutral(text, keyword).split())))
    return [term for term in found if term not in common][:MOST]


@lru_cache(maxsize=128)
def stop_words(lang: str | None) -> frozenset[str]:
    """Return the commonest words of a language (X's code), and the English ones, which people mix into all others."""
    lists: dict[str, str] = json.loads(Path(__file__).with_name("stop_words.json").read_text(encoding="utf-8"))
    return frozenset(f"{lists['en']} {lists.get(lang or '', '')}".split())


@lru_cache(maxsize=65_536)
def _counted(token: str) -> list[str]:
    """Return the terms in a part of a text that has no space in it."""
    terms = map(_folded, TERM.findall(token))
    return [term for term in terms if _counts(term) and term != NEUTRAL_WORD]


def _folded(term: str) -> str:
    """Return one spelling for what is one term: lower case, plain # and apostrophe, no possessive."""
    folded = term.casefold().replace("\uff03", "#").replace("’", "'").strip("_'\u200c\u200d")
    return folded.removesuffix("'s")


def _counts(term: str) -> bool:
    if not any(map(str.isalpha, term)) or len(term) > LONGEST:
        return False
    return term[0] == "#" or (len(term) > 1 and not term.endswith(CONTRACTIONS) and not UNSPACED.search(term))
