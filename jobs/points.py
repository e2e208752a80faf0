"""Turns criteria into points and a score, in Spark, by the curves of core.weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from core.weights import POINTS, REACH, RESONANCE, Curve, Weights


def scored(authors: DataFrame, weights: Weights) -> DataFrame:
    """Add points, reach, resonance and score; leave out rows of which no criterion is known.

    Beside them stays `scale`, by which the points are larger than those of the curves.
    """
    full = added(F.when(known(name), F.lit(curve.full)).otherwise(0.0) for name, curve in weights.curves.items())
    return totalled(
        drawn(authors.where(full > 0), weights.curves)
        .withColumn("scale", 100 / full)
        .withColumns({POINTS[name]: F.col("scale") * F.col(POINTS[name]) for name in weights.curves})
    )


def totalled(authors: DataFrame) -> DataFrame:
    """Add up the points to reach, resonance and score."""
    reach, resonance = (added(F.coalesce(POINTS[name], F.lit(0.0)) for name in of) for of in (REACH, RESONANCE))
    return authors.withColumns({"reach": reach, "resonance": resonance}).withColumn(
        "score", F.col("reach") + F.col("resonance")
    )


def drawn(authors: DataFrame, curves: Mapping[str, Curve]) -> DataFrame:
    """Add the points that each criterion gives by its curve, NULL where it is unknown.

    The logarithms are columns of their own: written into the many ramps of a curve each would be computed in each.
    """
    logs = {POINTS[name]: F.when(known(name), F.log(F.col(name) + 1)) for name in curves}
    return authors.withColumns(logs).withColumns({POINTS[name]: along(POINTS[name], curves[name]) for name in curves})


def along(z: str, curve: Curve) -> Column:
    """Return the points of a count whose logarithm is given; the formula is that of core.weights.Curve.

    As text: PySpark would hand it over in a thousand calls.
    """
    ramps = [f"{slope!r}D * greatest(0D, least({z}, {end!r}D) - {start!r}D)" for start, end, slope in curve.ramps()]
    return F.when(F.col(z).isNotNull(), F.expr(" + ".join(["0D", *ramps])))


def known(name: str) -> Column:
    """Say whether a count is known. One that cannot be, below 0, is as good as unknown."""
    return F.coalesce(F.col(name) >= 0, F.lit(False))


def added(columns: Iterable[Column]) -> Column:
    """Return the sum of columns."""
    return sum(columns, start=F.lit(0.0))
