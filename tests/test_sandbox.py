"""What the process of a stranger's predictor may see and use, when it ends, and that an honest predictor notices nothing."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import benchmark
from benchmark.core.workspace import Workspace
from benchmark.evaluation.dataloading import lesson
from benchmark.evaluation.evaluate import evaluate
from benchmark.plugins.predictors import sandbox
from benchmark.plugins.predictors.contract import letter
from benchmark.plugins.predictors.discovery import find_predictor, load_file
from benchmark.plugins.predictors.resolve import resolve_predictor
from tests.strangers import HEAD, evaluated, predictor_file


@pytest.fixture
def bubblewrap():
    """Skip where bubblewrap does not work."""
    if reason := sandbox.obstacle():
        pytest.skip(f"no bubblewrap: {reason}")


@pytest.fixture
def plain(monkeypatch):
    """Children run without bubblewrap."""
    monkeypatch.setattr(sandbox, "obstacle", lambda: "it is not installed")
    sandbox.sandbox_kind.cache_clear()
    yield
    sandbox.sandbox_kind.cache_clear()


@pytest.mark.usefixtures("bubblewrap")
class TestBubblewrap:
    """What a child inside bubblewrap cannot do."""

    def test_results_and_cache_are_empty(self, tmp_path):
        """Folders that are hidden hold nothing, although a file lies there."""
        workspace = Workspace(data=None, networks=None, cache=tmp_path / "cache", results=tmp_path / "results")
        folders = workspace.results, workspace.cache
        for folder in folders:
            folder.mkdir()
            (folder / "labels.parquet").write_text("secret")
        listings = [f"os.listdir({str(folder)!r})" for folder in folders]
        assert evaluated(tmp_path, *listings, hidden=workspace.private) == ["[]", "[]"]
        assert evaluated(tmp_path, *listings) == ["['labels.parquet']", "['labels.parquet']"]

    def test_published_results_are_hidden(self, tmp_path):
        """So are the results that come with the package, and the history of its checkout."""
        root = Path(benchmark.__file__).parents[1]
        assert (root / "results" / "glyphs").is_dir()
        listings = [f"os.listdir({str(folder)!r})" for folder in (root / "results", root / ".git") if folder.is_dir()]
        assert set(evaluated(tmp_path, *listings)) == {"[]"}

    def test_what_is_outside_is_out_of_reach(self, tmp_path):
        """A socket of the machine, files and other processes: each attempt raises."""
        planted = [tmp_path / "planted", Path.home() / ".planted"]
        with socket.create_server(("127.0.0.1", 0)) as server:
            outcomes = evaluated(
                tmp_path,
                f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), timeout=2)",
                *(f"open({str(path)!r}, 'w')" for path in planted),
                f"os.kill({os.getpid()}, 0)",
                f"open('/proc/{os.getpid()}/environ')",
            )
        assert outcomes == [
            "ConnectionRefusedError", "OSError", "OSError", "ProcessLookupError", "FileNotFoundError"
        ]  # fmt: skip
        assert not any(path.exists() for path in planted)

    def test_a_scratch_folder_is_its_own(self, tmp_path):
        """What it writes where scratch files go is not there for others."""
        planted = Path(sandbox.EMPTY[0]) / "planted"
        assert evaluated(tmp_path, f"open({str(planted)!r}, 'w').write('x')") == ["1"]
        assert not planted.exists()


def test_it_is_told_no_folder(tmp_path, monkeypatch):
    """No variable of the environment names data, results or cache, or holds a password."""
    monkeypatch.setenv("UTILBENCH_DATA", "/nowhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("SOME_TOKEN", "secret")
    monkeypatch.setenv("SOME_FOLDER", "kept")
    expressions = [f"any({word!r} in value for value in os.environ.values())" for word in ("nowhere", "secret", "kept")]
    assert evaluated(tmp_path, *expressions) == ["False", "False", "True"]


@pytest.mark.usefixtures("plain")
def test_without_bubblewrap_a_warning_says_what_is_not_prevented(tmp_path, caplog):
    """Where it is not installed, the child is a plain process, and that is said once."""
    specs = [resolve_predictor(predictor_file(tmp_path)) for _ in range(2)]
    assert [spec.sandbox for spec in specs] == ["process", "process"]
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    for word in ("not installed", "network", "writing files", "results and cache"):
        assert word in warning


def test_bubblewrap_that_is_missing_or_fails_is_told(monkeypatch):
    """The reason is that it is not installed, what it prints, or that processes must reach each other."""
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "BARE", ("sh", "-c", "echo no namespaces >&2; exit 1"))
        patch.setattr(sandbox.shutil, "which", lambda name: name)
        assert sandbox.obstacle() == "no namespaces"
        patch.setenv("WORLD_SIZE", "2")
        assert "several processes" in sandbox.obstacle()
        patch.setattr(sandbox.shutil, "which", lambda name: None)
        assert sandbox.obstacle() == "it is not installed"


HONEST = """
class Mine(benchmark.LearnedPredictor):
    "Averages of a random projection; its sign is learned."

    needs = {"reference", "bitstream"}

    def features(self, sample):
        import torch

        torch.manual_seed(3)
        weights = torch.randn(3)
        image = sample.image.float() - 0.3 * sample.reference.float()
        return float((image.std(dim=(1, 2)) * weights).sum()) + 1e-3 * len(sample.bitstream)

    def fit(self, train, validation):
        import torch

        pairs = [(self.features(e.sample), e.label - 0.5, e.weight, e.utility, e.group) for e in train]
        more = train.take([3, 1, -1]) + validation[:3]
        sums = [sum(a * b * c * (1 + d) + g for a, b, c, d, g in pairs), sum(self.features(e.sample) for e in more)]
        self.sums = torch.tensor([*sums, float(train.weights.sum()), float(sum(train.groups))], dtype=torch.float64)
        self.notes = {"seed": str(self.context.seed), "labels": str([e.label for e in more])}

    def score(self, samples):
        return [self.features(sample) * float(self.sums[0]) + float(self.sums[1]) for sample in samples]

    def state(self):
        return {"sums": self.sums}

    def load_state(self, state):
        self.sums = state["sums"]
"""


@pytest.mark.parametrize("kind", ["present", pytest.param("plain", marks=pytest.mark.slow)])
def test_an_honest_predictor_has_the_same_scores(kind, tiny, tmp_path, request):
    """In a process of its own a predictor learns and scores as in this one, and the card says how it was run.

    By default only with the sandbox of this machine; without bubblewrap where it is installed is slow.
    """
    if kind == "plain":
        request.getfixturevalue("plain")
    workspace = Workspace(
        data=None, networks=None, cache=tmp_path / "cache", results=tmp_path / "results", chosen_device="cpu"
    )
    file = tmp_path / "mine.py"
    file.write_text(HEAD + HONEST)
    spec, own_kind = resolve_predictor(str(file), hidden=workspace.private), load_file(str(file))
    card = evaluate(spec, tiny.suite, seeds=(0,), workspace=workspace, truth=tiny)
    own = evaluate(own_kind, tiny.suite, seeds=(0,), workspace=workspace, truth=tiny)
    assert card.metrics == own.metrics
    assert card.provenance.notes == own.provenance.notes
    assert card.track == own.track == "full-reference"
    assert (card.provenance.sandbox, own.provenance.sandbox) == (sandbox.sandbox_kind(), "none")
    assert spec.kind.__doc__ == own_kind.__doc__
    assert spec.kind.needs == {"reference", "bitstream"}
    expected = own_kind(benchmark.Context())
    expected.fit(*(lesson(tiny, "combined", part, own_kind) for part in ("train", "validation")))
    predictor = spec.kind(benchmark.Context())
    predictor.load_state(expected.state())
    batch = [letter(number, 20 * number + 10, own_kind) for number in range(4)]
    np.testing.assert_array_equal(predictor.score(batch), expected.score(batch))


PARENT = """
import sys
from benchmark.core.messages import show_messages
from benchmark.plugins.predictors import sandbox
from benchmark.plugins.predictors.discovery import find_predictor

if sys.argv[2] == "process":
    sandbox.obstacle = lambda: "a test"
show_messages()
find_predictor(sys.argv[1])
"""


def descendants(pid):
    """The processes that a process has started, and those that these have started, as far as they still run."""
    children = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, queue = [], [pid]
    while queue:
        queue += children.get(queue[0], [])
        found.append(queue.pop(0))
    return found[1:]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["bubblewrap", "process"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_no_child_outlives_its_parent(number, kind, tmp_path, request):
    """Ctrl-C, SIGTERM and SIGKILL end a parent whose child computes, and the child with it."""
    if kind == "bubblewrap":
        request.getfixturevalue("bubblewrap")
    path = predictor_file(tmp_path, start="print('begun', flush=True); time.sleep(100)")
    command = [sys.executable, "-c", PARENT, path, kind]
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=Path(benchmark.__file__).parents[1]) as parent:
        assert any(b"begun" in line for line in parent.stderr)
        pids = descendants(parent.pid)
        assert pids
        parent.send_signal(number)
        assert parent.wait(20) != 0
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids):
        time.sleep(0.1)
    assert [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists()] == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_child_is_left(tmp_path):
    """A predictor's process ends with the object that leads to it."""
    predictor = find_predictor(predictor_file(tmp_path))[1](benchmark.Context())
    pid = predictor.child.process.pid
    assert Path(f"/proc/{pid}").exists()
    del predictor
    assert not Path(f"/proc/{pid}").exists()
