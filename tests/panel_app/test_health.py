"""What a load balancer and a watchdog are told."""

import signal
from datetime import UTC, datetime, timedelta

import psutil

from core import db, store
from tests.panel_app.conftest import Guest, served


def test_the_app_is_well_while_postgres_answers(own_postgres, tmp_path):
    with served(own_postgres.get_uri(), tmp_path) as address:
        guest = Guest(address)
        well = guest.look("/health")
        assert (well.status_code, well.json()) == (200, {"postgres": True})
        assert well.headers["Cache-Control"] == "no-store"

        engine = db.engine(own_postgres.get_uri())
        for name, age in (("reader", timedelta(0)), ("supervisor", timedelta(minutes=1))):
            store.tell(engine, name, datetime.now(UTC) - age, {})
        silent = guest.look("/health/collector")
        assert (silent.status_code, silent.json()) == (503, {"postgres": True, "reader": True, "supervisor": False})
        store.tell(engine, "supervisor", datetime.now(UTC), {})
        assert guest.look("/health/collector").status_code == 200
        engine.dispose()

        own_postgres.ensure_postgres_running()
        postmaster = psutil.Process(own_postgres.get_pid())
        postmaster.send_signal(signal.SIGQUIT)
        ill = guest.look("/health")
        while ill.status_code == 200:  # it is still dying
            ill = guest.look("/health")
        assert (ill.status_code, ill.json()) == (503, {"postgres": False})
        assert guest.look("/health/collector").status_code == 503

        postmaster.wait()
        own_postgres.ensure_postgres_running()
        assert guest.look("/health").status_code == 200
