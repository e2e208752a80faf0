import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.spool import Spool


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


def test_two_processes_share_a_spool(tmp_path):
    spool = Spool(tmp_path / "spool")
    appending = "import sys; from pathlib import Path; from actors.spool import Spool\n"
    appending += "Spool(Path(sys.argv[1])).append([b'from elsewhere'])"
    subprocess.run([sys.executable, "-c", appending, str(tmp_path / "spool")], check=True)

    assert spool.read(after=0, limit=9) == [(1, b"from elsewhere")]


def test_two_spools_have_two_names(tmp_path):
    assert Spool(tmp_path / "one").name != Spool(tmp_path / "other").name
