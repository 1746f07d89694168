"""Whatever a predictor of other people does, in a process of its own, is a failure of that predictor alone.

Each attack is a file as a participant could submit it. Most are made when the file is imported, which needs no torch, or in
one process that obeys many tests. Those that each end a process with torch are slow; two or three of them are not marked so.
"""

import json
import time

import pytest
import torch

import benchmark
from benchmark.cli.main import main
from benchmark.core.errors import PredictorError
from benchmark.core.messages import LONGEST
from benchmark.core.types import Example
from benchmark.core.workspace import Workspace
from benchmark.evaluation.evaluate import evaluate
from benchmark.plugins.predictors import exchange, process
from benchmark.plugins.predictors.answers import checked_scores
from benchmark.plugins.predictors.contract import letter
from benchmark.plugins.predictors.discovery import find_predictor
from benchmark.plugins.predictors.process import LIMITS, Child, Origin
from tests.strangers import HEAD, PIPE, predictor_file

FORGE = f"""
from benchmark.plugins.predictors import exchange, process

def answer(record):
    data = exchange.ENCODER.encode(record)
    os.write({PIPE}, len(data).to_bytes(4, "big") + data)

"""
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
    f"os.write({PIPE}, bytes(10**6))": "the import gave no valid answer",
    "answer(exchange.Requested(0, (0,)))": "the import gave no valid answer (Requested instead of Described)",
    "class Odd(Exception):\n    def __str__(self): raise SystemExit('odd')\nraise Odd": "the import ",
}


@pytest.mark.parametrize("statement", IMPORTS)
def test_what_an_import_does_is_told(statement, tmp_path):
    """Ending the process, raising anything and writing to the pipe are errors of one line with the predictor's name."""
    with pytest.raises(PredictorError) as caught:
        find_predictor(predictor_file(tmp_path, start=FORGE + statement))
    message = str(caught.value)
    assert message.startswith("mine: ")
    assert IMPORTS[statement] in message
    assert message.isprintable()
    assert len(message) <= LONGEST + 10


@pytest.mark.parametrize("statement", ["while True: pass", "signal.pthread_sigmask(0, range(1, 65)); time.sleep(99)"])
def test_what_does_not_end_is_ended(statement, tmp_path, monkeypatch):
    """After the time limit, the process is ended, and later calls say so."""
    monkeypatch.setitem(LIMITS, "load", 1.5)
    file = predictor_file(tmp_path, start=statement)
    child = Child(Origin(name="mine", file=file), None)
    start = time.perf_counter()
    with pytest.raises(PredictorError, match=r"mine: the import took longer than 1\.5 s"):
        child.ask("load", file, "", answer=exchange.Described)
    assert time.perf_counter() - start < 5
    assert child.process.poll() is not None
    with pytest.raises(PredictorError, match=r"mine: score\(\) cannot be called, since its process has ended"):
        child.ask("score", [], answer=exchange.Scored)


def test_a_flood_of_output_is_cut(tmp_path, capfd, caplog):
    """What a predictor prints reaches the log line by line, clean and with its name, and never standard output."""
    caplog.set_level("INFO", logger="benchmark")
    flood = "print('\\x1b[2J' + 10**5 * 'x', flush=True); [print(i) for i in range(5000)]; os.write(2, 10**6 * b'y')"
    find_predictor(predictor_file(tmp_path, start=flood), hidden=())
    lines = [record.getMessage() for record in caplog.records if record.name.endswith(".process")]
    assert 900 < len(lines) <= 1001
    assert all(line.startswith("mine: ") and line.isprintable() and len(line) <= LONGEST + 6 for line in lines)
    assert "printed 1000 lines; the others are not shown" in lines[-1]
    assert capfd.readouterr().out == ""


OBEDIENT = """
DEFAULTS = {
    "init": "pass",
    "fit": "pass",
    "score": "return [float(sample.image.float().std()) for sample in samples]",
    "state": "return {'weight': torch.ones(1)}",
}

class Mine(benchmark.LearnedPredictor):
    def __init__(self, context):
        super().__init__(context)
        self.statements = json.loads(context.probe)
        self.act("init")

    def act(self, method, **values):
        import torch

        scope = globals() | values | {"self": self, "torch": torch}
        exec(f"def body(): {self.statements.get(method, 'pass')}; {DEFAULTS[method]}", scope)
        return scope["body"]()

    def fit(self, train, validation):
        self.act("fit", train=train)

    def score(self, samples):
        return self.act("score", samples=samples)

    def state(self):
        return self.act("state")

    def load_state(self, state):
        pass
"""
CALLS = {
    "sys.exit('bye')": "score() raised SystemExit: bye",
    "raise benchmark.BenchmarkError('no data folder')": "score() raised BenchmarkError: no data folder",
    "return ['1.0' for _ in samples]": "scores are numbers, not str",
    "return [True for _ in samples]": "scores are numbers, not bool",
    "return [True, 0.5, 0.5, 0.5]": "TypeError: scores are numbers, not bool",
    "return [datetime.datetime.now() for _ in samples]": "scores are numbers, not datetime",
    "return np.full(len(samples), np.datetime64('2020'))": "scores are numbers, not datetime64",
    "return [1j for _ in samples]": "scores are numbers, not complex",
    "return [None for _ in samples]": "scores are numbers, not NoneType",
    "return None": "scores are numbers, not NoneType",
    "return np.zeros((len(samples) - 1))": "returned (3,) scores for 4 samples",
    "return [[1.0] for _ in samples]": "returned (4, 1) scores for 4 samples",
    "return [[1.0], [1.0, 2.0], [], []]": "score() raised ValueError",
    "return np.full(len(samples), np.nan)": "the score of sample 0 is not finite",
    "samples[0].image.zero_()": "score() changed the pixels of a sample",
    "np.ones(2**44, np.uint8)": "MemoryError",
    "return np.zeros(10**7)": "score() gave no valid answer",
    "answer(exchange.Scored((2,), b'abc'))": "score() gave no valid answer",
}
MORE_CALLS = {
    "os._exit(3)": "score() ended its process (exit status 3)",
    "os.kill(os.getpid(), signal.SIGABRT)": "score() ended its process (SIGABRT)",
    f"os.close({PIPE})": "score() ",
}
LESSONS = {
    "self.notes = torch.ones(1)": ("fit", "fit() raised TypeError"),
    "train.take([0.5, 'x'])": ("fit", "fit() raised ValueError"),
    "return 3": ("state", "state() returned no dictionary of tensors"),
    "return {'weight': 3}": ("state", "state() returned no dictionary of tensors"),
    "return {5: torch.ones(1)}": ("state", "state() raised"),
    "sys.exit(0)": ("state", "state() raised SystemExit: 0"),
    "train.take([10**6])": ("fit", "fit() gave no valid answer (asks for 1 examples, not all from 0 to 3"),
}
MORE_LESSONS = {
    "self.notes = {3: 'steps'}": ("fit", "fit() gave no valid answer"),
    "os._exit(0)": ("fit", "fit() ended its process (exit status 0)"),
    f"os.write({PIPE}, b'\\0\\0\\0\\1x')": ("state", "state() gave no valid answer"),
}


def with_slow(fast, slow):
    """Parameters for a test, of which the latter are slow."""
    return [*fast, *(pytest.param(case, marks=pytest.mark.slow) for case in slow)]


def samples():
    """Four letters."""
    return [letter(number, 20 * number + 10, benchmark.Predictor) for number in range(4)]


@pytest.fixture(scope="module")
def obedient(tmp_path_factory):
    """A function that gives a predictor which executes statements in its methods; its process is started when there is none."""
    path = tmp_path_factory.mktemp("obedient") / "mine.py"
    path.write_text(HEAD + FORGE + OBEDIENT)
    kind, predictors = find_predictor(str(path))[1], []

    def build(**statements):
        context = benchmark.Context(probe=json.dumps(statements))
        if predictors and predictors[-1].child.end.alive:
            predictors[-1].child.ask("build", context, answer=exchange.Done)
        else:
            predictors.append(kind(context))
        return predictors[-1]

    return build


def test_a_constructor_that_exits_is_told(obedient):
    """A constructor is guarded as all else is."""
    with pytest.raises(PredictorError, match="mine: the constructor raised SystemExit: 5"):
        obedient(init="sys.exit(5)")


@pytest.mark.parametrize("statement", with_slow(CALLS, MORE_CALLS))
def test_what_score_does_is_told(statement, obedient):
    """So is all that a call can do, and what is no number is no score."""
    with pytest.raises(PredictorError) as caught:
        checked_scores("mine", obedient(score=statement), samples(), [f"sample {number}" for number in range(4)])
    message = str(caught.value)
    assert message.startswith("mine: ")
    assert (CALLS | MORE_CALLS)[statement] in message
    assert message.isprintable()


@pytest.mark.parametrize("statement", with_slow(LESSONS, MORE_LESSONS))
def test_what_fit_and_state_do_is_told(statement, obedient):
    """Notes that cannot be sent, a state that is none, and examples that do not exist are named."""
    method, message = (LESSONS | MORE_LESSONS)[statement]
    predictor = obedient(**{method: statement})
    examples = [Example(sample, 1, 0.5, 1.0, 0) for sample in samples()]
    with pytest.raises(PredictorError) as caught:
        predictor.fit(examples, examples)
        predictor.state()
    assert str(caught.value).startswith("mine: ")
    assert message in str(caught.value)


LEARNER = """
class Mine(benchmark.LearnedPredictor):
    def fit(self, train, validation):
        self.notes = {'steps': 3}
    def score(self, samples):
        return [0.0 for _ in samples]
    def state(self):
        return {}
    def load_state(self, state):
        pass
"""


@pytest.fixture
def workspace(tmp_path):
    """Folders of its own; results and cache are not beside the predictor."""
    folder = tmp_path / "private"
    return Workspace(data=None, networks=None, cache=folder / "cache", results=folder / "results", chosen_device="cpu")


def test_nothing_is_stored_of_a_training_that_fails(tiny, tmp_path, workspace):
    """Notes that are no texts are named, and neither scores nor a trained predictor are written."""
    (tmp_path / "mine.py").write_text(HEAD + LEARNER)
    with pytest.raises(PredictorError, match=r"mine: notes\['steps'\] is no string"):
        evaluate(str(tmp_path / "mine.py"), tiny.suite, seeds=(0,), workspace=workspace, truth=tiny)
    assert not list(workspace.results.rglob("*.parquet"))
    assert not list(workspace.cache.rglob("*.safetensors"))


def test_other_predictors_go_on(tiny, tiny_file, tiny_workspace, tmp_path, workspace, capsys, monkeypatch):
    """Of several predictors named to `run` and `check`, those that end their process fail alone, and the exit status is 1."""
    monkeypatch.setenv("UTILBENCH_CACHE", str(tiny_workspace.cache))
    quits = predictor_file(tmp_path, name="quits", start="sys.exit(0)")
    dies = predictor_file(tmp_path, name="dies", score="os._exit(0)")
    assert main(["run", quits, dies, "chance", "-s", str(tiny_file), "--results", str(workspace.results)]) == 1
    output = capsys.readouterr()
    assert "quits: the import raised SystemExit: 0" in output.err
    assert "dies: score() ended its process (exit status 0)" in output.err
    assert [line.split()[0] for line in output.out.splitlines()] == ["chance"]
    assert main(["check", quits, dies, "chance", "--json"]) == 1
    checks = json.loads(capsys.readouterr().out)
    assert len(checks) > 10
    for row in checks:
        if row["predictor"] == quits:
            assert row["problem"] == "quits: the import raised SystemExit: 0"
        elif row["predictor"] == dies and row["check"] != "it can be built":
            assert "dies: score() " in row["problem"]
        else:
            assert row["problem"] == ""
    assert {row["predictor"] for row in checks} == {quits, dies, "chance"}


def test_tensors_keep_their_strides():
    """A sample arrives as it was, strides included, on which the last digits of sums depend."""
    numbers = torch.arange(24, dtype=torch.uint8)
    for image in (numbers.reshape(3, 2, 4), numbers.reshape(2, 4, 3).permute(2, 0, 1)):
        copy = exchange.unpacked(exchange.packed(benchmark.Sample(image, bitstream=b"x")))
        assert copy.image.equal(image)
        assert copy.image.stride() == image.stride()
        assert (copy.reference, copy.bitstream) == (None, b"x")


@pytest.fixture
def commands(monkeypatch):
    """The commands that start processes of predictors, each of which says for which device it is."""
    commands = []
    monkeypatch.setattr(process, "sandboxed", lambda words, device, **_: ["env", f"DEVICE={device}", *words])
    monkeypatch.setattr(
        process, "start", lambda words, number, start=process.start: commands.append(words) or start(words, number)
    )
    return commands


def test_the_process_that_describes_a_class_is_that_of_its_first_instance(tmp_path, commands):
    """The second instance has one of its own."""
    path = tmp_path / "mine.py"
    path.write_text(HEAD + LEARNER)
    kind = find_predictor(str(path))[1]
    first, second = kind(benchmark.Context()), kind(benchmark.Context())
    assert len(commands) == 2
    assert first.child is not second.child
    for predictor in (first, second):
        assert predictor.score(samples()).tolist() == [0.0] * 4


def test_a_process_that_sees_something_else_is_not_taken(tmp_path, commands):
    """An instance for another device has a process with that device, and the one that described the class is ended."""
    path = tmp_path / "mine.py"
    path.write_text(HEAD + LEARNER)
    kind = find_predictor(str(path))[1]
    (describing,) = kind.waiting
    predictor = kind(benchmark.Context(device="cuda"))
    assert [words[1] for words in commands] == ["DEVICE=cpu", "DEVICE=cuda"]
    assert predictor.child is not describing
    assert not describing.end.alive
    assert kind.waiting == []
