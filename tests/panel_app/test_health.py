"""What a load balancer is told."""

import signal

import psutil

from tests.panel_app.conftest import Guest, served


def test_the_app_is_well_while_postgres_answers(own_postgres, tmp_path):
    with served(own_postgres.get_uri(), tmp_path) as address:
        guest = Guest(address)
        well = guest.look("/health")
        assert (well.status_code, well.json()) == (200, {"postgres": True})
        assert well.headers["Cache-Control"] == "no-store"

        own_postgres.ensure_postgres_running()
        postmaster = psutil.Process(own_postgres.get_pid())
        postmaster.send_signal(signal.SIGQUIT)
        ill = guest.look("/health")
        while ill.status_code == 200:  # it is still dying
            ill = guest.look("/health")
        assert (ill.status_code, ill.json()) == (503, {"postgres": False})

        postmaster.wait()
        own_postgres.ensure_postgres_running()
        assert guest.look("/health").status_code == 200
