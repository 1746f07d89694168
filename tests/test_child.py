"""Whatever a predictor of other people does, in a process of its own, is a failure of that predictor alone.

Each attack is a file as a participant could submit it.
"""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import benchmark
from benchmark.cli.main import main
from benchmark.core.errors import PredictorError
from benchmark.core.messages import LONGEST
from benchmark.core.workspace import Workspace
from benchmark.evaluation.dataloading import lesson
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.scorecard import read_card
from benchmark.plugins.predictors import exchange, sandbox
from benchmark.plugins.predictors.base import checked_scores
from benchmark.plugins.predictors.contract import check_predictor, letter
from benchmark.plugins.predictors.discovery import find_predictor, load_file
from benchmark.plugins.predictors.process import LIMITS
from benchmark.plugins.predictors.resolve import resolve_predictor

HEAD = """
import datetime, os, pickle, signal, socket, sys, time
import numpy as np
import torch
import benchmark
"""
CLASS = """
class Mine(benchmark.Predictor):
    def __init__(self, context):
        super().__init__(context)
        {init}
    def score(self, samples):
        {score}
        return [float(sample.image.float().std()) for sample in samples]
"""
PIPE = "int(sys.argv[1])"
"""The file descriptor of the pipe to the parent, in the child."""


@pytest.fixture
def written(tmp_path):
    """Write a predictor's file, with statements at import, in the constructor and in score; returns its path."""

    def write(name="mine", start="", init="pass", score="pass"):
        path = tmp_path / f"{name}.py"
        path.write_text(HEAD + start + CLASS.format(init=init, score=score))
        return str(path)

    return write


@pytest.fixture
def workspace(tiny_workspace, tmp_path):
    """Folders of its own; results and cache are not beside the predictor."""
    return Workspace(
        data=None,
        networks=None,
        cache=tmp_path / "private" / "cache",
        results=tmp_path / "private" / "results",
        chosen_device="cpu",
    )


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


def samples(kind=benchmark.Predictor):
    """Four letters."""
    return [letter(number, 20 * number + 10, kind) for number in range(4)]


def built(path, **options):
    """The predictor of a file, in its process."""
    return find_predictor(path, **options)[1](benchmark.Context())


IMPORTS = {
    "sys.exit(0)": "the import raised SystemExit: 0",
    "os._exit(0)": "the import ended its process (exit status 0)",
    "raise KeyboardInterrupt": "the import raised KeyboardInterrupt",
    "raise BaseException('two\\nlines \\x1b[31m')": "the import raised BaseException: two lines \ufffd[31m",
    "1 / 0": "fails to load (ZeroDivisionError: division by zero)",
    "raise ValueError(10000 * 'x')": "...",
    "os.kill(os.getpid(), signal.SIGSEGV)": "the import ended its process (SIGSEGV)",
    f"os.close({PIPE})": "the import ended its process (exit status",
    f"os.write({PIPE}, b'\\0\\0\\0\\4junk')": "the import gave no valid answer",
    f"os.write({PIPE}, b'\\0\\xff\\xff\\xff')": "the import gave no valid answer",
    f"os.write({PIPE}, b'\\0\\0\\0\\4' + pickle.dumps(print))": "the import gave no valid answer",
    "class Odd(Exception):\n    def __str__(self): raise SystemExit('odd')\nraise Odd": "the import ",
}


@pytest.mark.parametrize("statement", IMPORTS)
def test_what_an_import_does_is_told(statement, written):
    """Ending the process, raising anything and writing to the pipe are errors of one line with the predictor's name."""
    with pytest.raises(PredictorError) as caught:
        find_predictor(written(start=statement))
    message = str(caught.value)
    assert message.startswith("mine: ")
    assert IMPORTS[statement] in message
    assert message.isprintable()
    assert len(message) <= LONGEST + 10


OBEDIENT = """
class Mine(benchmark.Predictor):
    needs = {"bitstream"}

    def score(self, samples):
        body = samples[0].bitstream.decode() + "; return [float(sample.image.float().std()) for sample in samples]"
        exec("def act(samples): " + body, globals())
        return act(samples)
"""
"""Executes what comes as a bitstream, so that one process serves many tests."""
CALLS = {
    "sys.exit('bye')": "score() raised SystemExit: bye",
    "os._exit(3)": "score() ended its process (exit status 3)",
    "raise benchmark.BenchmarkError('no data folder')": "score() raised BenchmarkError: no data folder",
    "os.kill(os.getpid(), signal.SIGABRT)": "score() ended its process (SIGABRT)",
    "return ['1.0' for _ in samples]": "scores are numbers, not str",
    "return [True for _ in samples]": "scores are numbers, not bool",
    "return [True, 0.5, 0.5, 0.5]": "scores are numbers, not bool, float",
    "return [datetime.datetime.now() for _ in samples]": "scores are numbers, not datetime",
    "return np.full(len(samples), np.datetime64('2020'))": "scores are numbers, not datetime64",
    "return [1j for _ in samples]": "scores are numbers, not complex",
    "return [None for _ in samples]": "scores are numbers, not NoneType",
    "return None": "returned () scores for 4 samples",
    "return np.zeros((len(samples) - 1))": "returned (3,) scores for 4 samples",
    "return [[1.0] for _ in samples]": "returned (4, 1) scores for 4 samples",
    "return [[1.0], [1.0, 2.0], [], []]": "score() raised ValueError",
    "return np.full(len(samples), np.nan)": "the score of sample 0 is not finite",
    "return np.zeros(10**7)": "score() gave no valid answer",
    "samples[0].image.zero_()": "score() changed the pixels of a sample",
    "np.ones(2**44, np.uint8)": "MemoryError",
    f"os.write({PIPE}, bytes(10**6))": "score() gave no valid answer",
    f"os.close({PIPE})": "score() ",
    "answer(exchange.Scored((2,), b'abc'))": "score() gave no valid answer",
    "answer(exchange.Requested(0, (0,)))": "score() gave no valid answer (Requested instead of Scored)",
}
FORGE = f"""
from benchmark.plugins.predictors import exchange

def answer(record):
    data = exchange.ENCODER.encode(record)
    os.write({PIPE}, len(data).to_bytes(4, "big") + data)
"""


@pytest.fixture(scope="module")
def obedient(tmp_path_factory):
    """A function that executes a statement in the score of a predictor, in a process that is started when there is none."""
    path = tmp_path_factory.mktemp("obedient") / "mine.py"
    path.write_text(HEAD + FORGE + OBEDIENT)
    predictors = []

    def act(statement):
        if not predictors or not predictors[-1].child.end.alive:
            predictors.append(built(str(path)))
        batch = [dataclasses.replace(sample, bitstream=statement.encode()) for sample in samples()]
        return checked_scores("mine", predictors[-1], batch, [f"sample {number}" for number in range(4)])

    return act


@pytest.mark.parametrize("statement", CALLS)
def test_what_score_does_is_told(statement, obedient):
    """So is all that a call can do, and what is no number is no score."""
    with pytest.raises(PredictorError) as caught:
        obedient(statement)
    message = str(caught.value)
    assert message.startswith("mine: ")
    assert CALLS[statement] in message
    assert message.isprintable()


def test_a_constructor_that_exits_is_told(written):
    """A constructor is guarded as all else is, and so is one that does not call that of the base class."""
    with pytest.raises(PredictorError, match="mine: the constructor raised SystemExit: 5"):
        built(written(init="sys.exit(5)"))


@pytest.mark.parametrize("statement", ["while True: pass", "signal.pthread_sigmask(0, range(1, 65)); time.sleep(99)"])
def test_a_call_that_does_not_end_is_ended(statement, written, monkeypatch):
    """After the time limit, the process is ended, and later calls say so."""
    monkeypatch.setitem(LIMITS, "score", 0.5)
    predictor = built(written(score=statement))
    start = time.perf_counter()
    with pytest.raises(PredictorError, match=r"mine: score\(\) took longer than 0\.5 s"):
        predictor.score(samples())
    assert time.perf_counter() - start < 5
    assert predictor.child.process.poll() is not None
    with pytest.raises(PredictorError, match="its process has ended"):
        predictor.score(samples())


def test_a_flood_of_output_is_cut(written, capfd, caplog):
    """What a predictor prints reaches the log line by line, clean and with its name, and never standard output."""
    caplog.set_level("INFO", logger="benchmark")
    flood = "print('\\x1b[2J' + 10**5 * 'x', flush=True); [print(i) for i in range(5000)]; os.write(2, 10**6 * b'y')"
    predictor = built(written(score=flood))
    assert len(predictor.score(samples())) == 4
    predictor.child.end()
    lines = [record.getMessage() for record in caplog.records]
    assert 900 < len(lines) <= 1001
    assert all(line.startswith("mine: ") and line.isprintable() and len(line) <= LONGEST + 6 for line in lines)
    assert "printed 1000 lines; the others are not shown" in lines[-1]
    assert capfd.readouterr().out == ""


LEARNER = """
class Mine(benchmark.LearnedPredictor):
    def fit(self, train, validation):
        self.weight = torch.ones(1)
        {fit}
    def score(self, samples):
        return [float(self.weight) * float(sample.image.float().std()) for sample in samples]
    def state(self):
        {state}
    def load_state(self, state):
        self.weight = state["weight"]
"""
LESSONS = {
    "self.notes = {'steps': 3}": ("fit", "notes['steps'] is no string"),
    "self.notes = {3: 'steps'}": ("fit", "fit() gave no valid answer"),
    "self.notes = torch.ones(1)": ("fit", "fit() raised TypeError"),
    "train.take([10**6])": ("fit", "fit() gave no valid answer (asks for 1 examples, not all from 0 to"),
    "train.take([0.5, 'x'])": ("fit", "fit() raised ValueError"),
    "return 3": ("state", "state() returned no dictionary of tensors"),
    "return {'weight': 3}": ("state", "state() returned no dictionary of tensors"),
    "return {5: self.weight}": ("state", "state() raised"),
    "sys.exit(0)": ("state", "state() raised SystemExit: 0"),
    "os._exit(0)": ("fit", "fit() ended its process (exit status 0)"),
    f"os.write({PIPE}, b'\\0\\0\\0\\1x')": ("state", "state() gave no valid answer"),
}


@pytest.mark.parametrize("statement", LESSONS)
def test_what_fit_and_state_do_is_told(statement, tiny, tmp_path, workspace):
    """Notes that are no texts, a state that is none, and examples that do not exist are named; nothing is stored."""
    method, message = LESSONS[statement]
    bodies = {"fit": "pass", "state": "return {'weight': self.weight}"} | {method: statement}
    (tmp_path / "mine.py").write_text(HEAD + LEARNER.format(**bodies))
    with pytest.raises(PredictorError) as caught:
        evaluate(str(tmp_path / "mine.py"), tiny.suite, seeds=(0,), workspace=workspace, truth=tiny)
    assert str(caught.value).startswith("mine: ")
    assert message in str(caught.value)
    assert not list(workspace.results.rglob("*.parquet"))


HONEST = """
class Mine(benchmark.LearnedPredictor):
    "Averages of a random projection; its sign is learned."

    needs = {"reference", "bitstream"}

    def features(self, sample):
        torch.manual_seed(3)
        weights = torch.randn(3)
        image = sample.image.float() - 0.3 * sample.reference.float()
        return float((image.std(dim=(1, 2)) * weights).sum()) + 1e-3 * len(sample.bitstream)

    def fit(self, train, validation):
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


@pytest.mark.parametrize("boxed", [True, False], ids=["bubblewrap", "process"])
def test_an_honest_predictor_has_the_same_scores(boxed, tiny, tmp_path, workspace, request):
    """In a process of its own a predictor learns and scores as in this one, and the card says how it was run."""
    request.getfixturevalue("bubblewrap" if boxed else "plain")
    file = tmp_path / "mine.py"
    file.write_text(HEAD + HONEST)
    card = evaluate(str(file), tiny.suite, seeds=(0,), workspace=workspace, truth=tiny)
    kind = load_file(str(file))
    own = evaluate(kind, tiny.suite, seeds=(0,), workspace=workspace, truth=tiny)
    assert card.metrics == own.metrics
    assert card.provenance.notes == own.provenance.notes
    assert card.track == own.track == "full-reference"
    expected = kind(benchmark.Context())
    expected.fit(*(lesson(tiny, "combined", part, kind) for part in ("train", "validation")))
    spec = resolve_predictor(str(file))
    predictor = spec.kind(benchmark.Context())
    assert predictor.needs == {"reference", "bitstream"}
    assert spec.kind.__doc__ == kind.__doc__
    predictor.load_state(expected.state())
    batch = samples(kind)
    np.testing.assert_allclose(predictor.score(batch), expected.score(batch), rtol=1e-12)
    assert (card.provenance.sandbox, own.provenance.sandbox) == ("bubblewrap" if boxed else "process", "none")


def test_other_predictors_go_on(tiny, tiny_file, tiny_workspace, written, workspace, capsys, monkeypatch):
    """Of several predictors named to `run` and `check`, one that ends its process fails alone, and the exit status is 1."""
    monkeypatch.setenv("UTILBENCH_CACHE", str(tiny_workspace.cache))
    paths = [written("quits", start="sys.exit(0)"), written("dies", score="os._exit(0)"), written("good")]
    assert main(["run", *paths, "chance", "-s", str(tiny_file), "--results", str(workspace.results)]) == 1
    output = capsys.readouterr()
    assert "quits: the import raised SystemExit: 0" in output.err
    assert "dies: score() ended its process (exit status 0)" in output.err
    assert [line.split()[0] for line in output.out.splitlines()] == ["good", "chance"]
    card = read_card(workspace.results / "tiny" / "cards" / "combined" / "good.json")
    assert card.provenance.sandbox == sandbox.sandbox_kind()
    assert main(["check", *paths[:2], "chance"]) == 1
    output = capsys.readouterr()
    assert f"FAIL {paths[0]}: it can be loaded" in output.out
    assert f"FAIL {paths[1]}: one finite score" in output.out
    assert "FAIL chance" not in output.out
    assert "ok   chance: the same scores twice" in output.out


def test_the_contract_is_checked_in_the_child(written):
    """A predictor that ends its process fails each check, by name, and `check` goes on to the end."""
    problems = [check.problem for check in check_predictor(written(score="os._exit(0)"))]
    assert problems[0] == ""
    assert all("mine: score() " in problem for problem in problems[1:])


@pytest.mark.usefixtures("bubblewrap")
class TestBubblewrap:
    """What a child inside bubblewrap cannot do."""

    def outcome(self, path, **options):
        """What the predictor's statement came to, as it says in a score of its own."""
        return built(path, **options).score(samples())[0]

    @pytest.mark.parametrize("folder", ["results", "cache"])
    def test_results_and_cache_are_empty(self, folder, written, workspace):
        """Folders that are hidden hold nothing, although a file lies there."""
        path = getattr(workspace, folder) / "tiny" / "labels.parquet"
        path.parent.mkdir(parents=True)
        path.write_text("secret")
        body = f"return [float(len(os.listdir({str(path.parents[1])!r}))) for _ in samples]"
        assert self.outcome(written(score=body), hidden=workspace.private) == 0
        assert self.outcome(written(score=body), hidden=()) == 1

    def test_published_results_are_hidden(self, obedient):
        """So are the results that come with the package, and the history of its checkout."""
        published = Path(benchmark.__file__).parents[1] / "results"
        body = f"return [float(os.path.isdir({str(published / 'glyphs')!r})) for _ in samples]"
        assert (published / "glyphs").is_dir()
        assert obedient(body).max() == 0

    @pytest.mark.parametrize(
        "statement",
        [
            "socket.create_connection(('127.0.0.1', {port}), timeout=2)",
            "open({beside!r}, 'w')",
            "open({home!r}, 'w')",
            "os.kill({parent}, 0)",
            "open('/proc/{parent}/environ')",
        ],
    )
    def test_what_is_outside_is_out_of_reach(self, statement, obedient, tmp_path):
        """A socket of the machine, files and other processes: each attempt raises."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            values = {
                "port": server.getsockname()[1],
                "beside": str(tmp_path / "planted"),
                "home": str(Path.home() / ".planted"),
                "parent": os.getpid(),
            }
            with pytest.raises(PredictorError, match=r"score\(\) raised \w*Error"):
                obedient(statement.format(**values))
        assert not (tmp_path / "planted").exists()

    def test_a_scratch_folder_is_its_own(self, obedient):
        """What it writes to /tmp is not there for others."""
        assert obedient("open('/tmp/planted', 'w').write('x')").min() > 0
        assert not Path("/tmp/planted").exists()

    def test_it_is_told_no_folder(self, written, monkeypatch):
        """No variable of the environment names data, results or cache, or holds a password."""
        monkeypatch.setenv("UTILBENCH_DATA", "/nowhere")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("SOME_TOKEN", "secret")
        body = "return [float(any('nowhere' in v or 'secret' in v for v in os.environ.values())) for _ in samples]"
        assert self.outcome(written(score=body)) == 0


@pytest.mark.usefixtures("plain")
def test_without_bubblewrap_a_warning_says_what_is_not_prevented(written, caplog):
    """Where it is not installed, the child is a plain process, and that is said once."""
    specs = [resolve_predictor(written()) for _ in range(2)]
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


PARENT = """
import sys, benchmark
from benchmark.plugins.predictors import sandbox
from benchmark.plugins.predictors.discovery import find_predictor
if sys.argv[2] == "process":
    sandbox.obstacle = lambda: "a test"
predictor = find_predictor(sys.argv[1])[1](benchmark.Context())
print(predictor.child.process.pid, flush=True)
predictor.score([])
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
def test_no_child_outlives_its_parent(number, kind, written, request):
    """Ctrl-C, SIGTERM and SIGKILL end a parent whose child computes, and the child with it."""
    if kind == "bubblewrap":
        request.getfixturevalue("bubblewrap")
    path = written(score="time.sleep(100)")
    root = str(Path(benchmark.__file__).parents[1])
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, path, kind], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root
    )
    with parent:
        assert parent.stdout.readline()
        time.sleep(0.5)
        pids = descendants(parent.pid)
        assert pids
        parent.send_signal(number)
        assert parent.wait(20) != 0
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids):
        time.sleep(0.1)
    assert [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists()] == []


def test_no_child_is_left(written):
    """A predictor's process ends with the object that leads to it."""
    predictor = built(written())
    pid = predictor.child.process.pid
    assert Path(f"/proc/{pid}").exists()
    del predictor
    assert not Path(f"/proc/{pid}").exists()


def test_tensors_keep_their_strides():
    """A sample arrives as it was, strides included, on which the last digits of sums depend."""
    numbers = torch.arange(24, dtype=torch.uint8)
    for image in (numbers.reshape(3, 2, 4), numbers.reshape(2, 4, 3).permute(2, 0, 1)):
        copy = exchange.unpacked(exchange.packed(benchmark.Sample(image, bitstream=b"x")))
        assert copy.image.equal(image)
        assert copy.image.stride() == image.stride()
        assert (copy.reference, copy.bitstream) == (None, b"x")
