"""Which words set a group of tweets apart from others: weighted log-odds with an informative Dirichlet prior.

The method of Monroe, Colaresi and Quinn (2008): a word that both use alike has z near 0 however often it is used.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

PRIOR = 500  # words that the prior weighs, spread as the words of both groups are
SURE = 3.0  # standard errors; at 1.96, of so many words some would stand out by chance


def z_scores(ours: pd.Series, theirs: pd.Series, all_ours: float, all_theirs: float) -> pd.Series:
    """Return by how many standard errors each word is more ours than theirs, of all the words that each group uses."""
    prior = PRIOR * (ours + theirs) / max(1.0, all_ours + all_theirs)
    odds = [
        np.log((used + prior) / (words + PRIOR - used - prior))
        for used, words in ((ours, all_ours), (theirs, all_theirs))
    ]
    error = np.sqrt(1 / (ours + prior) + 1 / (theirs + prior))
    scores: pd.Series = (odds[0] - odds[1]) / error
    return scores


def apart(counts: pd.DataFrame, ours: str, others: list[str]) -> pd.DataFrame:
    """Return the words that set one column of counts apart from the others, with their `z`, the surest first.

    Beside each column there is `all_` of its name, how many words it counts in all, also of those without a row.
    """
    names = [f"all_{name}" for name in others]
    totals = counts.iloc[0] if len(counts) else pd.Series(0, index=[f"all_{ours}", *names])
    theirs = counts[others].sum(axis="columns")
    scores = z_scores(counts[ours].astype(float), theirs.astype(float), totals[f"all_{ours}"], totals[names].sum())
    found = counts.assign(tweets=counts[ours], z=scores)
    return found[found["z"] >= SURE].sort_values(["z", "term"], ascending=[False, True])
