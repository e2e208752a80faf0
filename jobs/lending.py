"""How Spark gets the lake's files: from the disk, or where its executors have another one, out of Ray's object store.

Beside jobs.session the only module that names RayDP.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import ray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from raydp.spark.dataset import ray_dataset_to_spark_dataframe

from jobs.buckets import BUCKETS

SPARK_TYPES = {
    "int32": "int",
    "int64": "bigint",
    "double": "double",
    "string": "string",
    "bool": "boolean",
    "timestamp[us, tz=UTC]": "timestamp",
    "list<item: int64>": "array<bigint>",
}
BLOCK = 100_000  # rows that a task of Spark takes out of the object store; it holds them in memory


class Files:
    """The lake's files as one run reads them.

    What it lends through the object store can be read as long as this lives; more than fits there Ray puts on the disk.
    """

    def __init__(self, spark: SparkSession, root: Path):
        self.spark = spark
        self._root = root
        self.shared: bool | None = None  # known once there is a file
        self._lent: list[Any] = []

    def read(self, names: Sequence[str], schema: pa.Schema, by: str | None = None) -> DataFrame:
        """Return the rows of some files; given by which column they lie in buckets, Spark knows where a row is."""
        paths = [self._root / name for name in names]
        columns = [(column.name, SPARK_TYPES[str(column.type)]) for column in schema]
        if not paths:
            return self.spark.range(0).select(*[F.lit(None).cast(kind).alias(name) for name, kind in columns])
        if self.shared is None:
            self.shared = on_every_node(paths[0])
        if self.shared:
            return in_buckets(self.spark, paths, ", ".join(map(" ".join, columns)), by)
        blocks = [ray.put(block) for path in paths for block in streams(path)]
        self._lent += blocks
        rows: DataFrame = ray_dataset_to_spark_dataframe(self.spark, schema, blocks)
        return rows


def in_buckets(spark: SparkSession, paths: Sequence[Path], schema: str, by: str | None) -> DataFrame:
    """Read Parquet files that lie in buckets by some column, if any; Spark itself does so for its own tables only."""
    jvm: Any = spark._jvm
    session, some, sequence = spark._jsparkSession, jvm.scala.Option.apply, jvm.PythonUtils.toSeq
    spec = jvm.org.apache.spark.sql.catalyst.catalog.BucketSpec(BUCKETS, sequence([by]), sequence([])) if by else None
    source = jvm.org.apache.spark.sql.execution.datasources.DataSource(
        session,
        "parquet",
        sequence([str(path) for path in paths]),
        some(jvm.org.apache.spark.sql.types.StructType.fromDDL(schema)),
        sequence([]),  # no partitions
        some(spec),
        jvm.PythonUtils.toScalaMap({}),
        some(None),  # no table
    )
    return DataFrame(session.baseRelationToDataFrame(source.resolveRelation(True)), spark)


def on_every_node(file: Path) -> bool:
    """Say whether all nodes of Ray see one of the lake's files; no other file has its name.

    Not if one has just gone: whoever takes its place may have another disk.
    """
    here = ray.get_runtime_context().get_node_id()
    others = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["NodeID"] != here]
    there: Any = ray.remote(num_cpus=0)(is_file)
    on = [there.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)) for node in others]
    try:
        return all(ray.get([node.remote(file) for node in on]))
    except RayError:
        return False


def is_file(path: Path) -> bool:
    """Say whether there is a file."""
    return path.is_file()


def streams(path: Path) -> Iterator[bytes]:
    """Yield a file's rows as Arrow streams, the form in which RayDP's executors take them out of the store."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BLOCK):
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            yield sink.getvalue().to_pybytes()
