import ctypes
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.spool import Spool
from actors.supervisor import Supervisor

CACHESTAT = 451  # the system call that tells how much of a file is in memory alone


class SpoolMachine(RuleBasedStateMachine):
    """Append, acknowledge and reopen in any order, against a plain list."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "spool.sqlite"
        self.spool = Spool(self.path)
        self.name = self.spool.name
        self.waiting = []
        self.last = 0

    @rule(payloads=st.lists(st.binary(max_size=20), max_size=5))
    def append(self, payloads):
        self.spool.append(payloads)
        self.waiting += list(enumerate(payloads, self.last + 1))
        self.last += len(payloads)

    @rule(back=st.integers(0, 8))
    def acknowledge(self, back):
        self.spool.acknowledge(self.last - back)
        self.waiting = [(position, body) for position, body in self.waiting if position > self.last - back]

    @rule()
    def reopen(self):
        self.spool.close()
        self.spool = Spool(self.path)
        assert self.spool.name == self.name

    @invariant()
    def holds_what_was_appended_and_not_acknowledged(self):
        assert self.spool.read(after=0, limit=1000) == self.waiting
        assert self.spool.depth() == len(self.waiting)

    def teardown(self):
        self.spool.close()
        self.folder.cleanup()


TestSpool = SpoolMachine.TestCase
TestSpool.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)


def test_a_reader_goes_on_from_behind_a_position(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.append([b"a", b"b", b"c"])

    assert spool.read(after=1, limit=1) == [(2, b"b")]


def test_what_is_appended_is_on_the_disk_when_that_returns(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite")
    spool.append([b"x" * 100_000])

    assert [unwritten(path) for path in sorted(tmp_path.glob("spool.sqlite*"))] == [0, 0, 0]


def unwritten(path):
    """Return how many pages of a file the kernel holds and has not written; memory that is shared is no file."""
    if path.name.endswith("-shm"):
        return 0
    found, whole = (ctypes.c_uint64 * 5)(), (ctypes.c_uint64 * 2)()
    with path.open() as file:
        failed = ctypes.CDLL(None).syscall(CACHESTAT, file.fileno(), whole, found, 0)
    if failed:
        pytest.skip("this kernel does not tell: Linux 6.5 does")
    _, dirty, writeback, *_ = found
    return dirty + writeback


def test_nothing_stays_on_disk_of_what_was_let_go_of_once_something_is_forgotten(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite")
    spool.append([b"secret" * 5000, b"hidden" * 5000, b"kept" * 5000])
    spool.acknowledge(1)
    spool.rewrite(lambda payload: payload.replace(b"hidden", b"gone"))
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert (b"secret" in left, b"hidden" in left, b"kept" in left) == (False, False, True)


def test_two_processes_share_a_spool(tmp_path):
    spool = Spool(tmp_path / "spool")
    appending = "import sys; from pathlib import Path; from actors.spool import Spool\n"
    appending += "Spool(Path(sys.argv[1])).append([b'from elsewhere'])"
    subprocess.run([sys.executable, "-c", appending, str(tmp_path / "spool")], check=True)

    assert spool.read(after=0, limit=9) == [(1, b"from elsewhere")]


def test_two_spools_have_two_names(tmp_path):
    assert Spool(tmp_path / "one").name != Spool(tmp_path / "other").name


def test_it_is_full_while_it_holds_more_than_its_megabytes(tmp_path):
    spool = Spool(tmp_path / "spool")
    assert not spool.full(megabytes=1)

    spool.append([bytes(2000)] * 600)
    assert spool.full(megabytes=1)
    assert spool.oldest() == 1

    spool.acknowledge(599)
    assert not spool.full(megabytes=1)
    assert spool.oldest() == 600


RECORDS = [b"first" * 20, b"second" * 20, b"third" * 20]


@pytest.fixture
def left(tmp_path):
    """The spool file and its log as a crash would leave them after each record, and in the midst of a checkpoint."""
    path, log = tmp_path / "spool", tmp_path / "spool-wal"
    with closing(sqlite3.connect(path)) as small:  # its pages are small, so that a record has few bytes to cut
        small.execute("PRAGMA page_size = 512")
        small.execute("VACUUM")
    spool = Spool(path)
    found = []
    for record in RECORDS:
        spool.append([record])
        found.append((path.read_bytes(), log.read_bytes()))
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint")
    yield [*found, (path.read_bytes(), log.read_bytes())]
    spool.close()


def reopened(folder, main, log):
    """Return what a spool holds that opens with these files."""
    folder.mkdir()
    (folder / "spool").write_bytes(main)
    (folder / "spool-wal").write_bytes(log)
    spool = Spool(folder / "spool")
    held = [body for _, body in spool.read(after=0, limit=9)]
    spool.close()
    return held


def test_a_log_cut_at_any_byte_of_its_last_record_opens_with_all_earlier_records(left, tmp_path):
    _, (_, before), (main, whole), _ = left
    assert len(whole) > len(before)

    for cut in range(len(before), len(whole)):
        assert reopened(tmp_path / str(cut), main, whole[:cut]) == RECORDS[:2]
    assert reopened(tmp_path / "all", main, whole) == RECORDS


def test_a_file_cut_at_any_byte_of_its_last_page_while_the_log_went_into_it_opens_with_all_records(left, tmp_path):
    main, log = left[-1]
    assert RECORDS[-1] in main

    for cut in range(len(main) - 512, len(main)):
        assert reopened(tmp_path / str(cut), main[:cut], log) == RECORDS


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]).returncode:
        pytest.skip("only root may mount the disk of 8 MB that this test fills")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(spool, payload):
    """Append groups of a payload until the disk is full; returns how many payloads were accepted."""
    for accepted in range(0, 10_000, 50):
        try:
            spool.append([payload] * 50)
        except sqlite3.OperationalError:
            return accepted
    raise AssertionError("the disk takes everything")


def test_on_a_full_disk_it_keeps_what_it_accepted_and_goes_on_when_there_is_room(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(5_000_000))
    spool = Spool(small_disk / "spool")
    accepted = fill(spool, b"x" * 2000)
    assert spool.depth() == accepted > 100

    ballast.unlink()
    spool.append([b"more"])
    spool.close()
    spool = Spool(small_disk / "spool")
    assert [body for _, body in spool.read(after=0, limit=10_000)] == [b"x" * 2000] * accepted + [b"more"]
    spool.acknowledge(accepted)
    assert spool.depth() == 1
    spool.close()


def test_a_full_disk_does_not_end_the_supervisor(engine, small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(5_000_000))
    supervisor = Supervisor(engine.url.render_as_string(hide_password=False), small_disk / "spool")
    accepted = fill(supervisor.spool, b'{"keep": "%s"}' % (b"alive" * 400))
    supervisor.step()
    assert supervisor.spool.depth() == accepted

    ballast.unlink()
    supervisor.step()
    assert supervisor.spool.depth() == 0
    supervisor.spool.close()
