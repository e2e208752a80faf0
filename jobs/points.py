"""Turns criteria into points and a score, in Spark, by the curves of core.weights."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from core.weights import POINTS, REACH, RESONANCE, Curve, Weights


def scored(authors: DataFrame, weights: Weights) -> DataFrame:
    """Add points, reach, resonance and score; leave out rows of which no criterion is known."""
    points = {POINTS[name]: given for name, given in parts(weights).items()}
    reach, resonance = (added(F.coalesce(POINTS[name], F.lit(0.0)) for name in of) for of in (REACH, RESONANCE))
    return (
        authors.where(known_points(weights) > 0)
        .withColumns(points)
        .withColumns({"reach": reach, "resonance": resonance})
        .withColumn("score", F.col("reach") + F.col("resonance"))
    )


def parts(weights: Weights) -> dict[str, Column]:
    """Return the points each criterion gives, NULL where it is unknown; the formula is that of jobs.weights.parts."""
    scale = 100 / known_points(weights)
    return {name: scale * F.when(known(name), drawn(name, curve)) for name, curve in weights.curves.items()}


def known_points(weights: Weights) -> Column:
    """Return what the criteria that are known of a row give at most."""
    return added(F.when(known(name), F.lit(curve.full)).otherwise(0.0) for name, curve in weights.curves.items())


def known(name: str) -> Column:
    """Say whether a count is known. One that cannot be, below 0, is as good as unknown."""
    return F.coalesce(F.col(name) >= 0, F.lit(False))


def drawn(name: str, curve: Curve) -> Column:
    """Return the points of a count by its curve."""
    z = F.log1p(name)
    return added(slope * F.greatest(F.lit(0.0), F.least(z, F.lit(end)) - start) for start, end, slope in curve.ramps())


def added(columns: Iterable[Column]) -> Column:
    """Return the sum of columns."""
    return sum(columns, start=F.lit(0.0))
