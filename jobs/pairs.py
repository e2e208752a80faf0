"""Labelled pairs of people (Kaggle / PeerIndex, 2013), of whom one was judged more influential, under X's names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import roc_auc_score

from core.config import TalkerError
from core.weights import CRITERIA

PEERINDEX = ("follower_count", "listed_count", "posts", "retweets_received", "mentions_received")
# The data has no likes and nothing per keyword: what it says of retweets and mentions received is carried over.
COLUMNS = dict(zip(CRITERIA, PEERINDEX, strict=True))
# Its `posts` is a recent rate, in no stated unit, and X's tweet_count a lifetime's total: taken for a thousand days'.
DAYS = 1000

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
Scorer = Callable[[pd.DataFrame], "pd.Series[float]"]


class PairsError(TalkerError):
    """The file of labelled pairs cannot be read; names what it lacks."""


@dataclass(frozen=True)
class Pairs:
    """Pairs by row: the counts of person A and of person B, who they are, and whether A was chosen."""

    a: pd.DataFrame
    b: pd.DataFrame
    who: npt.NDArray[np.intp]  # the numbers of A and B, from 0
    chosen: Floats

    def __len__(self) -> int:
        return len(self.chosen)

    def of(self, rows: Rows) -> Pairs:
        """Return some of the pairs."""
        return Pairs(self.a[rows], self.b[rows], self.who[rows], self.chosen[rows])

    @property
    def everyone(self) -> pd.DataFrame:
        """The counts of each person once."""
        return pd.concat([self.a, self.b])[~pd.Index(self.who.T.ravel()).duplicated()]

    def leads(self, scorer: Scorer) -> Floats:
        """Return by how much A outdoes B."""
        return np.asarray(scorer(self.a) - scorer(self.b), float)


def read(path: Path) -> Pairs:
    """Read labelled pairs, each once. A person has no id in the data: all their features together tell them apart.

    Raises:
        PairsError: the file cannot be read, or lacks a column.
    """
    try:
        table = pd.read_csv(path).drop_duplicates(ignore_index=True)
    except (OSError, ValueError) as error:
        raise PairsError(f"{path} is not a CSV file of labelled pairs: {error}") from error
    needed = ["Choice", *(f"{side}_{column}" for side in "AB" for column in COLUMNS.values())]
    for column in needed:
        if column not in table:
            raise PairsError(f"{path} is not a file of labelled pairs: it has no column {column}.")
        if not (pd.to_numeric(table[column], errors="coerce") >= 0).all():
            raise PairsError(f"{path}: column {column} has a value that is not a count.")
    if set(table["Choice"]) != {0, 1}:
        raise PairsError(f"{path}: Choice must be 1 where A is the more influential and 0 elsewhere; both must occur.")
    features = [pd.util.hash_pandas_object(table.filter(regex=f"^{side}_"), index=False) for side in "AB"]
    who = np.unique(np.stack(features, axis=1), return_inverse=True)[1].reshape(-1, 2)
    return Pairs(people(table, "A"), people(table, "B"), who, table["Choice"].to_numpy(float))


def people(table: pd.DataFrame, side: str) -> pd.DataFrame:
    """Return the criteria of the people on one side of the pairs, under X's names."""
    counts = table[[f"{side}_{column}" for column in COLUMNS.values()]].set_axis(list(CRITERIA), axis=1)
    return counts.astype(float).assign(tweet_count=DAYS * counts["tweet_count"])


def splits(pairs: Pairs, parts: int, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Split people at random in parts; yield for each the pairs without anybody of it, and those wholly within.

    So nobody is on both sides. The pairs across are dropped.
    """
    part_of = np.random.default_rng(seed).permutation(pairs.who.max() + 1)[pairs.who] % parts
    for part in range(parts):
        within = part_of == part
        yield ~within.any(axis=1), within.all(axis=1)


def logs(counts: pd.DataFrame) -> Floats:
    """Return ln(1 + count), a column a criterion."""
    z: Floats = np.log1p(counts[list(CRITERIA)].to_numpy(float))
    return z


def auc(chosen: Floats, lead: Floats) -> float:
    """Return the area under the ROC curve of "A is more influential than B" by how much A's score leads."""
    return float(roc_auc_score(chosen, lead))
