"""The weights of the influence score: `jobs` learns them, `jobs` and the app read them from weights.json.

A score is a sum of points. Each criterion has a curve that turns a count into points, whichever method drew it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from core.config import ConfigError

REACH = ("followers_count", "listed_count", "tweet_count")
ENGAGEMENT = "engagement"  # retweets and likes earned on the keyword
MENTIONS = "mentions"  # mentions received on the keyword
RESONANCE = (ENGAGEMENT, MENTIONS)
CRITERIA = (*REACH, *RESONANCE)
# where `influence` keeps what each criterion gave
POINTS = dict(
    zip(
        CRITERIA,
        ("followers_points", "listed_points", "tweet_points", "engagement_points", "mentions_points"),
        strict=True,
    )
)
FILE = Path(__file__).with_name("weights.json")


@dataclass(frozen=True)
class Curve:
    """The points for a count: straight between knots on the scale of ln(1 + count), never falling, flat outside."""

    at: tuple[float, ...]  # the knots, ascending
    points: tuple[float, ...]  # at the knots, from 0

    @property
    def full(self) -> float:
        """The most points it gives."""
        return self.points[-1]

    def of(self, count: float) -> float:
        """Return the points for a count."""
        z = math.log1p(count)
        return sum(slope * max(0.0, min(z, end) - start) for start, end, slope in self.ramps())

    def ramps(self) -> Iterator[tuple[float, float, float]]:
        """Yield where each rise starts and ends and how steep it is; the points are the sum over all rises."""
        for (start, low), (end, high) in pairwise(zip(self.at, self.points, strict=True)):
            if high > low:
                yield start, end, (high - low) / (end - start)


@dataclass(frozen=True)
class Weights:
    """A curve for each criterion; what all together give at most is 100.

    A criterion that is unknown gives no points, and those of the others are scaled up by 100 / (what these give at
    most). The version is a hash of the curves, so that it tells apart whatever scores differently.
    """

    version: str
    method: str
    curves: Mapping[str, Curve]

    @classmethod
    def of(cls, method: str, curves: Mapping[str, Curve]) -> Weights:
        """Give curves their version."""
        written = json.dumps([method, {name: asdict(curve) for name, curve in curves.items()}]).encode()
        return cls(hashlib.sha256(written).hexdigest()[:12], method, curves)

    def written(self) -> dict[str, Any]:
        """Return them in the form of weights.json."""
        curves = {name: {"at": list(one.at), "points": list(one.points)} for name, one in self.curves.items()}
        return {"version": self.version, "curves": curves}


def load(method: str = "", path: Path = FILE) -> Weights:
    """Read the weights of a method, or of the better one if none is named.

    Raises:
        ConfigError: there is no such method.
    """
    kept = trained(path)
    name = method or kept["default"]
    if name not in kept["methods"]:
        raise ConfigError(f"TALKER_WEIGHTS_METHOD={name!r} is not a method; there are {', '.join(kept['methods'])}.")
    one = kept["methods"][name]
    curves = {of: Curve(tuple(curve["at"]), tuple(curve["points"])) for of, curve in one["curves"].items()}
    return Weights(one["version"], name, curves)


def of_version(version: str | None, path: Path = FILE) -> Weights | None:
    """Return the weights that scores of a version were made with; None if they are not ours any more."""
    return next(
        (one for one in (load(name, path) for name in trained(path)["methods"]) if one.version == version), None
    )


def trained(path: Path = FILE) -> dict[str, Any]:
    """Read all that training noted: the methods and their curves, how well they rank, what they were learnt from."""
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept
