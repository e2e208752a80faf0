"""In which bucket of the lake an author's rows lie: by Spark's own hash.

Spark groups and joins rows of one author where they lie, without moving them, if each file holds one bucket of them
that its name tells, and if the bucket is what Spark would have chosen.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BUCKETS = 8
SEED = 42

Hashes = npt.NDArray[np.uint32]


def bucket(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return the bucket of each id."""
    return hashed(ids) % np.int32(BUCKETS)  # never below 0, as Spark's pmod


def hashed(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return Spark's hash of each id: Murmur3 of the lower and the upper half of a BIGINT."""
    whole = np.asarray(ids, np.int64).view(np.uint64)
    mixed = np.full(len(whole), SEED, np.uint32)
    for half in (whole & np.uint64(0xFFFFFFFF), whole >> np.uint64(32)):
        mixed = turned(mixed ^ scrambled(half.astype(np.uint32)), 13) * np.uint32(5) + np.uint32(0xE6546B64)
    mixed ^= np.uint32(8)  # the bytes of a BIGINT
    mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return (mixed ^ (mixed >> np.uint32(16))).view(np.int32)


def scrambled(words: Hashes) -> Hashes:
    """Return what Murmur3 mixes in for each word."""
    return turned(words * np.uint32(0xCC9E2D51), 15) * np.uint32(0x1B873593)


def turned(words: Hashes, by: int) -> Hashes:
    """Rotate the bits of each word to the left."""
    return (words << np.uint32(by)) | (words >> np.uint32(32 - by))
