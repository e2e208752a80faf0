"""Tells nearly all rows that are none of some by one bit, so that they need not be looked up among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from jobs.buckets import hashed

# Five for each of as many rows as a lake lets be outdated. All of it fits into a core's own cache, where a table of the
# ids would not; and it is as large for any ids, so that the code that Spark makes of it stays the same.
MARKS = 2**20
LONGS = MARKS // 64


def may_be(spark: SparkSession, some: npt.NDArray[np.int64], name: str) -> Column:
    """Say whether a column's id may be one of some; it is one of them only if so."""
    words, hashes = np.zeros(LONGS, np.int64), hashed(some).astype(np.int64)
    np.bitwise_or.at(words, hashes >> 6 & LONGS - 1, np.left_shift(1, hashes & 63))
    hashed_here = F.hash(name)
    word = array(spark, words)[F.shiftright(hashed_here, 6).bitwiseAND(LONGS - 1)]
    return F.getbit(word, hashed_here.bitwiseAND(63)) == 1


def array(spark: SparkSession, numbers: npt.NDArray[np.int64]) -> Column:
    """Return numbers as one array of Spark's, which `pyspark.sql.functions.lit` would hand over one by one."""
    jvm: Any = spark._jvm
    gateway: Any = spark.sparkContext._gateway
    longs = gateway.new_array(jvm.long, len(numbers))
    jvm.java.nio.ByteBuffer.wrap(numbers.astype(">i8").tobytes()).asLongBuffer().get(longs)
    catalyst, types = jvm.org.apache.spark.sql.catalyst.expressions, jvm.org.apache.spark.sql.types.DataTypes
    value = catalyst.UnsafeArrayData.fromPrimitiveArray(longs)
    literal = catalyst.Literal(value, types.createArrayType(types.LongType, False))
    return Column(jvm.org.apache.spark.sql.Column(literal))
