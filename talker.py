"""The command line. It knows every package, and imports each only when a command needs it."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

import machine
from core.config import ConfigError, Settings, TalkerError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from actors.spool import Spool

say = Console(stderr=True, highlight=False, soft_wrap=True)  # standard output is for answers
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
track = typer.Typer(no_args_is_help=True, help="The tracked keywords.")
spooled = typer.Typer(no_args_is_help=True, help="What waits between X and Postgres, and what was refused.")
influence = typer.Typer(no_args_is_help=True, help="The influence scores.")
forecast = typer.Typer(no_args_is_help=True, help="What is expected of the next weeks and days.")
weights = typer.Typer(no_args_is_help=True, help="The weights that influence is made of.")
account = typer.Typer(no_args_is_help=True, help="Who may sign in to the app.")
schema = typer.Typer(no_args_is_help=True, help="The database schema.")
alerts = typer.Typer(no_args_is_help=True, help="The alerts, and what a rule would have done.")
several = typer.Typer(no_args_is_help=True, help="The same on several hosts, by Ray's cluster launcher.")
bench = typer.Typer(no_args_is_help=True, help="What it does in a second, beside what this machine could do.")
groups = {
    "track": track,
    "spool": spooled,
    "influence": influence,
    "forecast": forecast,
    "weights": weights,
    "alerts": alerts,
    "account": account,
    "db": schema,
    "cluster": several,
    "bench": bench,
}
for room, commands in groups.items():
    app.add_typer(commands, name=room)

UsageError: Any = typer.BadParameter.__base__  # typer carries its own click, and does not name this one
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Template = Annotated[Path, typer.Option("--config", metavar="FILE", help="Another cluster.yaml.")]
CLUSTER = Path(__file__).with_name("cluster.yaml")
Csv = Annotated[Path, typer.Argument(help="Labelled pairs of people.", exists=True, dir_okay=False)]
HASTY_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # compile less: for a demo's short jobs Java starts sooner
SCORECARD = (
    "keywords",
    "forecasts",
    "recall_at_5",
    "error",
    "brier",
    "coverage",
    "intervals",
    "model_shown",
    "refused",
)
PATIENCE = 60.0  # seconds in which a `talker up` should end that was stopped
SEED = 1  # of the demo's scenario; the local X that goes on with it has the same
Seconds = Annotated[float | None, typer.Option("--for", metavar="SECONDS", help="Stop so long after the start.")]


@app.callback()
def options(verbose: Annotated[bool, typer.Option("--verbose", help="Show the trace of an error.")] = False) -> None:
    """TwitterTalker: who drives the conversation about a keyword on X, how they feel, where and in which words."""
    # Ray reads them when it is imported. It would keep a note of each of the last 100,000 calls, which nobody looks at.
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ.setdefault("RAY_task_events_max_num_task_in_gcs", "5000")
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@app.command()
def demo(
    seconds: Seconds = None,
    port: Annotated[int | None, typer.Option(help="Port of the page; 0 takes a free one.")] = None,
    no_app: Annotated[bool, typer.Option("--no-app", help="Without the page.")] = False,
) -> None:
    """Show everything on this machine, on synthetic tweets: no account, no installed server."""
    from core import store
    from local_x.stories import KEYWORDS

    settings = demo_settings(Settings.from_env(), port)
    os.environ.setdefault("JAVA_TOOL_OPTIONS", HASTY_JAVA)
    with ExitStack() as stack:
        stack.enter_context(machine.orderly())
        stack.enter_context(machine.alone(settings.home, "A demo"))
        machine.clear(settings.home)
        settings = stack.enter_context(machine.postgres(settings))
        with connected(settings) as engine:
            for name, query in KEYWORDS.items():
                store.add_keyword(engine, name, query=query)
        if not no_app:
            show_app(stack, settings)
        start_ray(stack, settings)
        stack.enter_context(machine.announced(settings))
        now = datetime.now(UTC).replace(microsecond=0)
        x = machine.child(
            "local_x", "serve", f"--token={settings.x_bearer_token}", f"--start={now.isoformat()}", f"--seed={SEED}"
        )
        settings = replace(settings, x_base_url=stack.enter_context(x)["api"])
        follow(settings, seconds, lambda: take_history(settings, now))


def demo_settings(given: Settings, port: int | None) -> Settings:
    """Return settings with a home, a database and an X of the demo's own."""
    home = machine.home(given) / "demo"
    own = replace(given, home=home, lake=home / "lake", database_url="", x_bearer_token=secrets.token_hex(16))
    own = replace(own, x_daily_budget_usd=math.inf)  # the local X sends no bill
    own = replace(own, sign_in="demo", app_address="127.0.0.1", app_url="")
    return own if port is None else replace(own, app_port=port)


@app.command()
def up(
    seconds: Seconds = None,
    no_app: Annotated[bool, typer.Option("--no-app", help="Without the page.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="On a Ray cluster: start what is not there yet, and end.")
    ] = False,
) -> None:
    """Collect, score and show until stopped, against the configured X, Postgres and Ray."""
    settings = Settings.from_env()
    bearer_token(settings)
    with ExitStack() as stack:
        stack.enter_context(machine.orderly())
        lasting = on_a_cluster(settings, detach)
        if not lasting:
            stack.enter_context(machine.alone(settings.home, "TwitterTalker"))
        settings = stack.enter_context(machine.postgres(settings))
        if not no_app and not detach:
            show_app(stack, settings)
        start_ray(stack, settings)
        if lasting:
            keep_running(settings, 0 if detach else seconds)
        else:
            stack.enter_context(machine.announced(settings))
            follow(settings, seconds, lambda: None)


def on_a_cluster(settings: Settings, detach: bool) -> bool:
    """Say whether what we start goes on without us, on the Ray that RAY_ADDRESS names."""
    if "RAY_ADDRESS" not in os.environ:
        if detach:
            raise ConfigError("--detach needs RAY_ADDRESS: without it Ray ends with this command.")
        return False
    if not settings.database_url:
        raise ConfigError("On a Ray cluster set TALKER_DATABASE_URL: the embedded Postgres ends with this command.")
    return True


def keep_running(settings: Settings, seconds: float | None) -> None:
    """Let Ray run what is not there yet, and look on; all of it goes on after us, until `talker down`."""
    import ray

    from actors.collector import found, start
    from jobs.alerts import alert_clock
    from jobs.schedule import scheduler

    there = found()
    collector = start(settings)
    with say.status("Starting what collects and scores"):
        collector.ready()
        ray.get(scheduler(settings).soon.remote())
        alert_clock(settings)
    say.print("It already runs; looking on." if there else "Started: it goes on without us, until `talker down`.")
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        if not collector.check(timeout=1.0):
            say.print("It was stopped.")
            return


@app.command()
def down() -> None:
    """Stop what `talker up` started; what the spool holds waits for the next start."""
    settings = Settings.from_env()
    local = machine.running(settings)
    if not local and "RAY_ADDRESS" not in os.environ:
        raise machine.MachineError(f"Nothing runs in {settings.home}.")
    with machine.ray_cluster(settings), say.status("Stopping"):
        from actors.collector import found
        from jobs import alerts, schedule

        if collector := found():
            collector.stop()
        alerts.stop()
        schedule.stop()
    if local and not machine.ended(settings, PATIENCE):
        raise machine.MachineError("`talker up` still runs: end it with Ctrl-C.")
    say.print("It is stopped.")


def bearer_token(settings: Settings) -> str:
    """Return the token that X wants, which must be set."""
    if not settings.x_bearer_token:
        raise ConfigError("TALKER_X_BEARER_TOKEN is not set: take it from your app in X's developer console.")
    return settings.x_bearer_token


def show_app(stack: ExitStack, settings: Settings) -> None:
    """Serve the app beside us, and say where it is."""
    with say.status("Starting the app"):
        page = stack.enter_context(machine.child("panel_app", "--with-parent", settings=settings))
    say.print(f"The page is at [bold]{page['app']}[/bold]   (Ctrl-C ends everything)")


def start_ray(stack: ExitStack, settings: Settings) -> None:
    """Join or start Ray, with a Java that Spark can use."""
    from jobs.session import use_bundled_java

    with say.status("Starting Ray"):
        use_bundled_java()  # before Ray: its workers inherit the environment
        stack.enter_context(machine.ray_cluster(settings))


def follow(settings: Settings, seconds: float | None, before_scoring: Callable[[], None]) -> None:
    """Collect until stopped or for some seconds, and compute influence every 15 minutes and at once."""
    import ray

    from actors.collector import collect
    from jobs.alerts import alert_clock
    from jobs.schedule import scheduler
    from jobs.session import spark_host

    with collect(settings) as collector:
        spark_host(settings).start.remote()  # Spark takes its time to start: let it, while tweets come in
        before_scoring()
        scoring = [scheduler(settings).tick.remote()]
        alert_clock(settings)
        say.print("Computing the first influence scores; then every 15 minutes.")
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or time.monotonic() < end:
            if not collector.check(timeout=0.5):
                say.print("It was stopped.")
                return
            if scoring and ray.wait(scoring, timeout=0)[0]:
                scoring.clear()
                say.print("The first influence scores are there.")


def take_history(settings: Settings, end: datetime) -> None:
    """Put what the local X's stream said in the 72 hours before `end` into the spool, and wait until it is stored."""
    from actors.parse import MARK
    from actors.replay import chunks
    from actors.spool import Spool
    from local_x.fields import EVERYTHING
    from local_x.rule_store import RuleStore
    from local_x.scenario import Scenario
    from local_x.stories import KEYWORDS
    from local_x.stream import recorded

    rules = RuleStore()
    rules.add([{"value": query, "tag": MARK + name} for name, query in KEYWORDS.items()])
    spool = Spool(settings.home / "spool.sqlite")
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}: {task.completed:,} read, {task.fields[waiting]:,} to go"),
    )
    with Progress(*columns, console=say, transient=True) as bar:
        task = bar.add_task("72 hours of synthetic tweets", total=None, waiting=0)
        for chunk in chunks(recorded(Scenario(SEED, end), rules, EVERYTHING, hours=72)):
            spool.append(chunk)
            bar.update(task, advance=len(chunk), waiting=spool.depth())
        while waiting := spool.depth():
            bar.update(task, waiting=waiting)
            time.sleep(0.5)
    spool.close()


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Payloads, one a line; .gz too.", exists=True, dir_okay=False)],
    keyword: Annotated[
        list[str] | None, typer.Option(metavar="NAME=REGEX", help="Find a keyword in texts without a rule's tag.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Feed recorded payloads through the spool, the trackers and the commit."""
    patterns = dict(parsed_pattern(one) for one in keyword or ())
    from actors.replay import replay as replayed

    with ExitStack() as stack:
        stack.enter_context(machine.orderly())
        settings = stack.enter_context(machine.postgres(Settings.from_env()))
        start_ray(stack, settings)
        progress = stack.enter_context(reading(sum(file.stat().st_size for file in files), "Replaying"))
        folder, most = settings.home / "replay", settings.max_trackers
        counts = replayed(files, patterns, settings.database_url, folder, progress, most)
    answer(counts, as_json)
    if counts["read"] and not counts["stored"] + counts["duplicate"]:
        say.print("None of them names a tracked keyword: see `talker track list`, or give --keyword NAME=REGEX.")


def parsed_pattern(text: str) -> tuple[str, str]:
    """Split NAME=REGEX."""
    name, equals, regex = text.partition("=")
    if not equals or not name.strip():
        raise typer.BadParameter(f"{text!r} is not NAME=REGEX.", param_hint="--keyword")
    try:
        re.compile(regex)
    except re.error as error:
        raise typer.BadParameter(f"{regex!r} is not a regular expression: {error}.", param_hint="--keyword") from error
    return name.strip(), regex


@contextmanager
def reading(size: int, what: str) -> Iterator[Callable[[int], None]]:
    """Show how much of some bytes is read; yields what to call with each further number of bytes."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=say, transient=True) as bar:
        task = bar.add_task(what, total=size)
        yield lambda more: bar.advance(task, more)


@app.command("app")
def serve() -> None:
    """Serve the web app alone."""
    with ExitStack() as stack:
        stack.enter_context(machine.orderly())
        show_app(stack, stack.enter_context(machine.postgres(Settings.from_env())))
        while True:
            time.sleep(1)


@track.command("add")
def track_add(
    name: Annotated[str, typer.Argument(help="What people see, for example '#FridayFeeling'.")],
    query: Annotated[str | None, typer.Option(help="What X is asked for, in X's syntax; default: the name.")] = None,
    lang: Annotated[str | None, typer.Option(help="One language only, for example en.")] = None,
    sensitive: Annotated[bool, typer.Option("--sensitive", help="Aggregates only, no people.")] = False,
    half_life: Annotated[
        float | None, typer.Option(metavar="HOURS", min=0.1, help="How fast fame fades; default: the setting.")
    ] = None,
) -> None:
    """Track a keyword."""
    from core import store

    with machine.postgres(Settings.from_env()) as settings, connected(settings) as engine:
        store.add_keyword(
            engine,
            name,
            query=query,
            language=lang,
            sensitive=sensitive,
            half_life_hours=half_life,
            longest=settings.x_rule_length,
        )
    say.print(f"{name} is tracked; a running `talker up` follows it within seconds.", markup=False)


@track.command("list")
def track_list(as_json: AsJson = False) -> None:
    """List the tracked keywords."""
    from core import queries

    with machine.postgres(Settings.from_env()) as settings, connected(settings) as engine, engine.connect() as asked:
        rows = [dict(row._mapping) for row in asked.execute(queries.keywords())]
    if as_json:
        print(json.dumps(rows))
    elif not rows:
        say.print("No keyword is tracked yet: talker track add NAME")
    else:
        print_table(rows)


@track.command("remove")
def track_remove(name: str) -> None:
    """Stop tracking a keyword; what was collected stays."""
    from core import store

    with machine.postgres(Settings.from_env()) as settings, connected(settings) as engine:
        store.remove_keyword(engine, name)
    say.print(f"{name} is no longer tracked.", markup=False)


@spooled.command("status")
def spool_status(as_json: AsJson = False) -> None:
    """Tell what waits in the spool, and count the dead letters by reason."""
    from actors.spool import Spool
    from core import queries

    with machine.postgres(Settings.from_env()) as settings, connected(settings) as engine, engine.connect() as asked:
        dead = {row.reason: row.payloads for row in asked.execute(queries.dead_by_reason())}
    spool = Spool(settings.home / "spool.sqlite")
    status = {"depth": spool.depth(), "bytes": spool.size(), "oldest": spool.oldest()}
    answer(status | {"full": spool.full(settings.spool_mb), "dead": dead}, as_json)
    spool.close()


@spooled.command("replay-dead")
def spool_replay_dead(as_json: AsJson = False) -> None:
    """Try the dead letters again; those that are stored now are gone, the others stay."""
    from actors.tracker import replay_dead

    with machine.postgres(Settings.from_env()) as settings:
        answer(replay_dead(settings.database_url), as_json)


@app.command()
def forget(
    tweet: Annotated[list[int] | None, typer.Option(metavar="ID", min=1, help="A tweet, with its retweets.")] = None,
    author: Annotated[list[int] | None, typer.Option(metavar="ID", min=1, help="A person, with all tweets.")] = None,
    compliance: Annotated[
        bool, typer.Option("--compliance", help="What X says is gone, of all that is stored.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete tweets or people from the tables, the lake and the spool, for ever."""
    if not tweet and not author and not compliance:
        raise typer.BadParameter("give a --tweet ID, an --author ID or --compliance.")
    from actors.forget import forget as forgotten
    from core.erasure import Gone

    gone = Gone(frozenset(tweet or ()), frozenset(author or ()))
    with machine.postgres(Settings.from_env()) as settings, connected(settings) as engine, spools(settings) as waiting:
        counts = forgotten(engine, waiting, gone, "asked")
        if compliance:
            ask_x_what_is_gone(engine, settings, waiting)
        answer(counts | {"lake": clean_lake(engine, settings)}, as_json)


@app.command()
def expire(
    days: Annotated[int | None, typer.Option(min=1, help="How many days are kept; default: the setting.")] = None,
    as_json: AsJson = False,
) -> None:
    """Delete what is older than TALKER_KEEP_DAYS from the tables and the lake, now."""
    from jobs.expiry import expire as expired

    given = Settings.from_env()
    kept = days or given.keep_days
    if not kept:
        raise ConfigError("TALKER_KEEP_DAYS is not set: give --days.")
    with machine.postgres(given) as settings, connected(settings) as engine:
        answer(expired(engine, settings.lake, kept, datetime.now(UTC)), as_json)


@app.command("backup")
def make_backup(file: Annotated[Path, typer.Argument(help="A file that is not there yet.")]) -> None:
    """Write the whole database, as it is at one moment, into a file; collecting goes on."""
    from backup import backup

    with machine.postgres(Settings.from_env()) as settings:
        backup(settings.database_url, file)
    say.print(f"{file} has {file.stat().st_size:,} bytes.", markup=False)


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="What `talker backup` wrote.", exists=True)]) -> None:
    """Put a backup into a database that holds nothing yet, and bring it to this version."""
    from backup import restore as restored

    with ExitStack() as stack:
        given = Settings.from_env()
        settings = given if given.database_url else stack.enter_context(machine.postgres(given))
        restored(stack.enter_context(connected(settings)), file)
    say.print("The backup is in the database. The next influence run builds the lake anew.")


def ask_x_what_is_gone(engine: Engine, settings: Settings, waiting: list[Spool]) -> None:
    """Ask X about all that is stored, now, and delete what is gone."""
    from actors.compliance_jobs import KINDS, ComplianceJobs
    from actors.lookup import Lookup

    lookup = Lookup(bearer_token(settings), settings.x_base_url)
    with say.status("Asking X what is gone"):
        for kind in KINDS:
            ComplianceJobs(engine, waiting, lookup, kind).run(time.sleep)


@contextmanager
def spools(settings: Settings) -> Iterator[list[Spool]]:
    """Open every spool that there is: the stream's, and those of replays."""
    from actors.spool import Spool

    with ExitStack() as stack:
        files = [settings.home / "spool.sqlite", *sorted((settings.home / "replay").glob("*.sqlite"))]
        yield [stack.enter_context(closing(Spool(file))) for file in files]


def clean_lake(engine: Engine, settings: Settings) -> int | None:
    """Take what is forgotten out of the lake; returns how many rows went, None when a run now uses the lake."""
    from jobs.forget import forget as forgotten
    from jobs.influence import RunningError, only_run

    try:
        with only_run(engine):
            return forgotten(engine, settings.lake)
    except RunningError:
        say.print("An influence run uses the lake: what is forgotten leaves it with the next run.")
        return None


@app.command("budget")
def tell_budget(as_json: AsJson = False) -> None:
    """Tell what X's bill has of ours today and this month, and what is read of the stream."""
    from actors.budget import Budget, Prices

    with machine.postgres(Settings.from_env()) as settings, connected(settings) as engine:
        budget = Budget(engine, Prices.of(settings))
        daily = settings.x_daily_budget_usd
        told: dict[str, Any] = {"read": budget.state(), "daily_budget_usd": None if math.isinf(daily) else daily}
        told |= {"x_says": budget.x_says(), "today": asdict(budget.today()), "month": asdict(budget.month())}
    answer(told if as_json else flat(told), as_json)


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with those of the mappings among them beside them, for a table."""
    return {
        f"{name} {key}".strip(): value
        for name, one in values.items()
        for key, value in (one.items() if isinstance(one, dict) else [("", one)])
    }


@influence.command("run")
def influence_run(
    window_end: Annotated[str | None, typer.Option(metavar="T", help="End of the window, ISO 8601.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compute the influence scores of one window, now."""
    until = parsed_time(window_end)
    import ray

    from jobs.session import spark_host

    with ExitStack() as stack:
        stack.enter_context(machine.orderly())
        settings = stack.enter_context(machine.postgres(Settings.from_env()))
        start_ray(stack, settings)
        with say.status("Computing influence on Spark"):
            scores = ray.get(spark_host(settings).run_influence.remote(until and until.isoformat()))
    answer(scores, as_json)


@influence.command("backfill")
def influence_backfill(
    start: Annotated[str, typer.Argument(help="End of the first window, ISO 8601.")],
    end: Annotated[str, typer.Argument(help="End of the last window.")],
    hours: Annotated[float, typer.Option(min=0.25, help="From one window to the next.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Compute the influence scores of past windows, one after the other; those that are there are computed anew."""
    first, last = (parsed_time(one) or datetime.now(UTC) for one in (start, end))
    import ray

    from jobs.schedule import windows
    from jobs.session import spark_host

    with ExitStack() as stack:
        stack.enter_context(machine.orderly())
        settings = stack.enter_context(machine.postgres(Settings.from_env()))
        start_ray(stack, settings)
        host, rows = spark_host(settings), []
        for window in windows(first, last, hours):
            with say.status(f"Computing the window that ends at {window:%Y-%m-%d %H:%M}"):
                rows.append(ray.get(host.run_influence.remote(window.isoformat())))
    if as_json:
        print(json.dumps(rows))
    else:
        print_table(rows)


def parsed_time(text: str | None) -> datetime | None:
    """Read an ISO 8601 time; without a zone it is UTC."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a time such as 2026-06-19T14:00Z.") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@forecast.command("backtest")
def forecast_backtest(
    csv: Annotated[
        Path | None, typer.Option(help="Weekly scores: keyword, week, author, score.", exists=True, dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell how forecasts would have fared at every earlier time, beside persistence and the 4-week mean."""
    from jobs import forecasts

    if csv:
        found = forecasts.backtest(forecasts.from_file(csv))
    else:
        with machine.postgres(Settings.from_env()) as settings, connected(settings) as engine:
            found = forecasts.backtest(forecasts.from_database(engine, datetime.now(UTC)))
    if as_json:
        print(json.dumps(found))
    else:
        print_table([{"": name, **{subject: card.get(name) for subject, card in found.items()}} for name in SCORECARD])


@weights.command("train")
def weights_train(
    csv: Csv,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the importance plot here, as one HTML file.")
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Random splits of the people to judge them on.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Learn the weights from labelled pairs, and keep them in core/weights.json."""
    from jobs import weights as jobs_weights

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=say, transient=True) as bar:
        task = bar.add_task("Learning the weights", total=jobs_weights.steps(seeds))
        day = datetime.now(UTC).date().isoformat()
        trained = jobs_weights.train(csv, day=day, seeds=seeds, step=lambda: bar.advance(task))
    jobs_weights.save(trained)
    if plot:
        from panel_app import weights as panel_weights

        panel_weights.write(trained, plot)
    answer(trained, as_json)


@weights.command("evaluate")
def weights_evaluate(csv: Csv, as_json: AsJson = False) -> None:
    """Score labelled pairs with the weights in force: the area under the ROC curve."""
    from jobs import weights as jobs_weights

    answer(jobs_weights.evaluate(csv, Settings.from_env().weights_method), as_json)


@alerts.command("rehearse")
def alerts_rehearse(
    csv: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Counts, as columns timestamp and value; default: all keywords.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    per_week: Annotated[float, typer.Option(metavar="N", min=0.1, max=14, help="Alerts a week at most.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Tell what a budget would have told over the past of each keyword, or the volume rule over a file of counts."""
    if csv is None:
        rehearse_keywords(per_week, as_json)
        return
    from jobs import rehearsal

    told = rehearsal.rehearsed(rehearsal.read(csv), per_week)
    answer(told if as_json else told | {"notifications": "\n".join(told["notifications"])}, as_json)


def rehearse_keywords(per_week: float, as_json: bool) -> None:
    """Tell what a budget would have told of each keyword in 30 days, all in parallel on Ray."""
    from core import queries

    with ExitStack() as stack:
        stack.enter_context(machine.orderly())
        settings = stack.enter_context(machine.postgres(Settings.from_env()))
        engine = stack.enter_context(connected(settings))
        with engine.connect() as asked:
            names = {one.id: one.name for one in asked.execute(queries.keywords())}
        start_ray(stack, settings)
        from jobs.alerts import on_ray

        with say.status(f"Rehearsing {len(names)} keywords"):
            rows = on_ray(settings.database_url, [per_week])(list(names))
    found = [{**row, "keyword": names[row["keyword_id"]]} for row in rows]
    if as_json:
        print(json.dumps(found, default=str))
    elif not found:
        say.print("No keyword has a past to rehearse yet.")
    else:
        shown = [row | {"told": "\n".join(f"{one['at']} {one['level']}" for one in row["told"])} for row in found]
        print_table(shown)


@account.command("add")
def account_add(
    email: str,
    role: Annotated[str, typer.Option(help="viewer looks, analyst tracks too, admin does everything.")] = "analyst",
    name: Annotated[str, typer.Option(help="What the app calls them.")] = "",
) -> None:
    """Make an account; the password is asked for, or read from standard input."""
    from core import accounts
    from panel_app.passwords import hashed

    accounts.known_email(email)
    accounts.known_role(role)
    kept = hashed(asked_password())
    with machine.postgres(Settings.from_env()) as settings, connected(settings) as engine:
        accounts.add_account(engine, email, kept, name=name, role=role)
    say.print(f"{email} may sign in as {role}.", markup=False)


@account.command("list")
def account_list(as_json: AsJson = False) -> None:
    """List the accounts."""
    from core import queries

    with machine.postgres(Settings.from_env()) as settings, connected(settings) as engine, engine.connect() as asked:
        rows = [dict(row._mapping) for row in asked.execute(queries.people())]
    if as_json:
        print(json.dumps(rows, default=str))
    elif not rows:
        say.print("There is no account yet: talker account add EMAIL")
    else:
        print_table(rows)


@account.command("reset")
def account_reset(email: str) -> None:
    """Give an account a new password, and sign it out everywhere."""
    from core import accounts
    from panel_app.passwords import hashed

    kept = hashed(asked_password())
    with machine.postgres(Settings.from_env()) as settings, connected(settings) as engine:
        known = accounts.credentials(engine, email)
        accounts.set_password(engine, known[0] if known else 0, kept)
    say.print(f"{email} has a new password.", markup=False)


def asked_password() -> str:
    """Ask for a password without showing it; a script gives it on standard input. It is never an argument."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


@contextmanager
def measuring() -> Iterator[Callable[[str], object]]:
    """Let a benchmark say what it does, and end in order what it started."""
    with machine.orderly(), say.status("Starting") as status:
        yield status.update


@bench.command("ingest")
def bench_ingest(as_json: AsJson = False) -> None:
    """Measure how fast tweets are stored, beside this machine's limit and a plain program; takes a few minutes."""
    from bench.ingest import measure

    with measuring() as tell:
        figures = measure(Settings.from_env(), tell)
    answer(figures, as_json)


@bench.command("scaling")
def bench_scaling(as_json: AsJson = False) -> None:
    """Measure what a tweet costs at each stage, and simulate what larger streams need."""
    from bench.scaling import measure
    from jobs.session import use_bundled_java

    with measuring() as tell:
        use_bundled_java()  # before Ray: its workers inherit the environment
        found = measure(Settings.from_env(), tell)
    if as_json:
        answer(found, as_json)
    else:
        streams = found.pop("streams")
        answer(found.pop("us") | found, as_json)
        print_table(streams)


@bench.command("kills")
def bench_kills(as_json: AsJson = False) -> None:
    """Kill one part after the other while tweets flow, and tell what was lost and when work went on."""
    from bench.kills import measure
    from jobs.session import use_bundled_java

    with measuring() as tell:
        os.environ.setdefault("JAVA_TOOL_OPTIONS", HASTY_JAVA)
        use_bundled_java()  # before Ray: its workers inherit the environment
        found = measure(Settings.from_env(), tell)
    if as_json:
        print(json.dumps(found))
    else:
        names = {name: None for one in found for name in one}
        print_table([names | one for one in found])


@bench.command("soak")
def bench_soak(
    minutes: Annotated[float, typer.Option(min=1, help="How long.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Collect 1,000 tweets a second on 50 keywords, score them each minute, and tell how memory, lag and logs grow."""
    from bench.soak import measure
    from jobs.session import use_bundled_java

    with measuring() as tell:
        use_bundled_java()  # before Ray: its workers inherit the environment
        found = measure(Settings.from_env(), minutes, tell)
    if as_json:
        print(json.dumps(found))
    else:
        memory = found.pop("memory")
        answer(found, as_json)
        print_table(memory)


@bench.command("influence")
def bench_influence(
    rows: Annotated[int, typer.Option(min=1000, help="Made-up tweets to score.")] = 10_000_000,
    as_json: AsJson = False,
) -> None:
    """Measure the influence job on made-up tweets, and DuckDB on the same files; all of it in a folder of its own."""
    from bench.influence import measure

    with ExitStack() as stack:
        stack.enter_context(machine.orderly())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="talker")))
        own = replace(Settings.from_env(), home=folder, lake=folder / "lake", database_url="")
        settings = stack.enter_context(machine.postgres(own))
        start_ray(stack, settings)
        with say.status(f"Scoring {rows:,} tweets again and again"):
            found = measure(settings, rows)
    answer(found, as_json)


@bench.command("app")
def bench_app(
    tweets: Annotated[int, typer.Option(min=1000, help="Made-up tweets in Postgres.")] = 10_000_000,
    as_json: AsJson = False,
) -> None:
    """Measure the app with 1, 10 and 50 sessions on made-up tweets, beside a bare page; takes about ten minutes."""
    from bench.app import Plan, measure

    with measuring() as tell:
        found = measure(Settings.from_env(), tweets, tell, Plan())
    answer(found, as_json)


@schema.command("upgrade")
def db_upgrade() -> None:
    """Bring the database's schema to this version."""
    from core import db

    settings = Settings.from_env()
    if settings.database_url:
        with connected(settings) as engine:
            db.upgrade(engine)
    else:
        with machine.postgres(settings):
            pass
    say.print("The schema is this version's.")


@schema.command("check")
def db_check() -> None:
    """Say whether the database's schema is this version's."""
    with machine.postgres(Settings.from_env()):
        say.print("The schema is this version's.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Tell what a `talker up` or demo does: each actor and its host, the stream, the spool, the lag, the scores."""
    from actors.spool import Spool
    from core import queries

    given = Settings.from_env()
    homes = [one for one in (given, demo_settings(given, None)) if machine.running(one)]
    if not homes and "RAY_ADDRESS" not in os.environ:
        raise machine.MachineError(f"Nothing runs in {given.home}: start `talker up` or `talker demo`.")
    settings = homes[0] if homes else given
    with machine.ray_cluster(settings):
        from actors.collector import report

        told = report(seconds=1.0) | {"actors": machine.actors()}
    with machine.postgres(settings) as settings, connected(settings) as engine, engine.connect() as asked:
        run = asked.execute(queries.last_runs(limit=1)).first()
    told["last_window"] = run._asdict() if run else None
    spool = Spool(settings.home / "spool.sqlite")
    told["spool"] = {"depth": spool.depth(), "bytes": spool.size(), "full": spool.full(settings.spool_mb)}
    spool.close()
    if as_json:
        print(json.dumps(told, default=str))
        return
    answer(flat({"": told["reader"], "spool": told["spool"], "last window": told["last_window"] or {}}), as_json)
    for table in (told["actors"], told["lanes"]):
        if table:
            print_table(table)


@several.command("config")
def cluster_config(template: Template = CLUSTER) -> None:
    """Write the cluster.yaml with your hosts in it, and what they get, for Ray's own commands; tells where."""
    import cluster

    described = cluster.configured(Settings.from_env(), template)
    cluster.pack(described)
    print(described.file)


@several.command("up")
def cluster_up(template: Template = CLUSTER) -> None:
    """Start Ray on the hosts, or bring them to this version without a restart."""
    import cluster

    cluster.up(cluster.configured(Settings.from_env(), template))
    say.print("The cluster is up: talker cluster submit -- talker up --detach")


@several.command("status")
def cluster_status(template: Template = CLUSTER, as_json: AsJson = False) -> None:
    """Tell what `talker status` does on the head."""
    import cluster

    print(cluster.status(cluster.configured(Settings.from_env(), template), as_json), end="")


@several.command("submit")
def cluster_submit(
    command: Annotated[list[str], typer.Argument(help="What to run there, after --.")],
    template: Template = CLUSTER,
    name: Annotated[str | None, typer.Option("--id", help="The job's name; of each there is one.")] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for its end.")] = False,
) -> None:
    """Run a command as a Ray job; its failure is ours."""
    import cluster

    cluster.submit(cluster.configured(Settings.from_env(), template), command, name, not no_wait)


@several.command("down")
def cluster_down(template: Template = CLUSTER) -> None:
    """Stop all that runs on the hosts; what the spool holds waits on the head's disk."""
    import cluster

    cluster.down(cluster.configured(Settings.from_env(), template))
    say.print("Nothing runs on the cluster any more.")


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is missing on this machine and how to mend it."""
    from doctor import examine

    findings = examine(Settings.from_env())
    rows = [asdict(one) | {"mend": "" if one.ok else one.mend} for one in findings]
    if as_json:
        print(json.dumps(rows))
    else:
        print_table(rows)
    if not all(one.ok for one in findings):
        raise typer.Exit(1)


@contextmanager
def connected(settings: Settings) -> Iterator[Engine]:
    """Yield an engine for as long as it is needed."""
    from core import db

    engine = db.engine(settings.database_url)
    try:
        yield engine
    finally:
        engine.dispose()


def answer(values: Mapping[str, Any], as_json: bool) -> None:
    """Print an answer, for a script or for a person."""
    if as_json:
        print(json.dumps(values, default=str))
    else:
        print_table([{"": key, "value": value} for key, value in values.items()])


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print rows for a person."""
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console(highlight=False, markup=False).print(table)


def main() -> None:
    """Run a command; an error is one line, with status 2 for usage and 1 for failure."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except UsageError as error:
        sys.exit(refuse(error.format_message(), 2))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except Exception as error:
        if "--verbose" in sys.argv:
            raise
        sys.exit(refuse(one_line(error), 1))


def one_line(error: BaseException) -> str:
    """Say what went wrong; of what went wrong inside an actor, its cause."""
    told = getattr(error, "cause", None) or error
    first = (str(told).strip() or type(told).__name__).splitlines()[0]
    return first if isinstance(told, TalkerError) else f"{type(told).__name__}: {first} (--verbose shows the trace)"


def refuse(message: str, status: int) -> int:
    """Say an error on one line; returns the exit status."""
    print(message if message.startswith("Usage:") else f"talker: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
