"""Hostile predictor files, run beside an honest predictor: they fail alone, and leave results as they would be without them."""

import shutil
import socket
from pathlib import Path

from tests import test_child
from tests.hammer.command import faults_of_refusal, run
from tests.hammer.ground import contents, differences
from tests.hammer.report import Try
from tests.strangers import HEAD

LEARNER = """
class Mine(benchmark.LearnedPredictor):
    "Acts at one moment, and is honest otherwise."

    def __init__(self, context):
        super().__init__(context)
        {init}

    def fit(self, train, validation):
        {fit}
        self.notes = {{"steps": "1"}}

    def score(self, samples):
        {score}
        return [float(sample.image.float().std()) for sample in samples]

    def state(self):
        {state}
        return {{}}

    def load_state(self, state):
        {load_state}

{start}
"""
MOMENTS = ("start", "init", "fit", "score", "state", "load_state")
FATAL = (
        "sys.exit(0)", "sys.exit('bye')", "os._exit(0)", "os._exit(3)", "raise KeyboardInterrupt", "raise GeneratorExit",
        "raise BaseException('two\\nlines \\x1b[31m')", "raise ValueError(10000 * '\\u202e')", "1 / 0", "raise StopIteration",
        "os.kill(os.getpid(), signal.SIGSEGV)", "os.kill(os.getpid(), signal.SIGKILL)", "os.abort()",
        "while True: pass", "time.sleep(99)", "signal.pthread_sigmask(0, range(1, 65)); time.sleep(99)",
        "hog = [bytearray(2**30) for _ in range(2**20)]", "import ctypes; ctypes.string_at(0)",
        "sys.setrecursionlimit(10**9); f = lambda: f(); f()", "def f(): return f()\\nf()",
    "raise benchmark.BenchmarkError('ours?')",
        *(statement for statement in test_child.IMPORTS if "answer" not in statement and "class" not in statement),
)  # fmt: skip
"""What ends in a failure whenever it is done."""
METHODS = {
    "score": [*test_child.CALLS, *test_child.MORE_CALLS],
    "fit": [statement for statement, (method, _) in test_child.LESSONS.items() if method == "fit"],
    "state": [statement for statement, (method, _) in test_child.LESSONS.items() if method == "state"],
}
"""What ends in a failure in one method."""
PRYING = [
    "open({results!r} + '/small/labels.parquet', 'wb').write(b'mine')", "os.remove({results!r} + '/small/labels.parquet')",
    "import shutil; shutil.rmtree({results!r}, ignore_errors=True)", "os.symlink('/etc', {results!r} + '/small/scores')",
    "open({results!r} + '/small/labels.parquet', 'rb').read()", "os.listdir({results!r} + '/small')[0]",
    "open({results!r} + '/mine', 'w').write('x')", "os.kill(os.getppid(), signal.SIGKILL)", "os.killpg(os.getppid(), 9)",
    "socket.create_connection(('127.0.0.1', {port}), timeout=2).send(b'mine')", "socket.create_server(('', 0))",
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}', timeout=2)",
    "open(__file__, 'w').write('')", "os.chmod({results!r}, 0)", "import subprocess; subprocess.Popen(['sleep', '5'])",
    "[print(10**4 * '\\x1b[2J', flush=True) for _ in range(2000)]", "os.write(2, 10**6 * b'y')", "os.close(1); os.close(2)",
    "import subprocess; subprocess.run(['mount', '-o', 'remount,rw', '/'])", "os.setuid(0); os.chroot('/')",
    "import benchmark.cli.main as m; m.main(['label', 'glyphs'])",
    "import threading; threading.Thread(target=time.sleep, args=(9,)).start()",
    "samples = None; import gc; [gc.get_objects() for _ in range(3)]",
    "import tempfile; tempfile.TemporaryFile().truncate(2**44)",
]  # fmt: skip
"""What may fail or pass unnoticed, and must change nothing and send nothing."""
SECONDS = 6.0


def limit_seconds():
    """In a command's process: a predictor's process is given seconds instead of minutes."""
    from benchmark.plugins.predictors.process import LIMITS

    for question in LIMITS:
        LIMITS[question] = SECONDS if question != "build" else 4 * SECONDS


def attack(ground, draw):
    """Run a hostile file and an honest predictor; or, where the statement only pries, the former alone."""
    kind = draw.choice(["fatal", "fatal", "method", "prying", "prying"])
    folder, file = ground.copy("labelled"), ground.folder / f"strange-{ground.count}" / "mine.py"
    moment = draw.choice(list(METHODS) if kind == "method" else MOMENTS[:4] if kind == "fatal" else MOMENTS)
    statement = draw.choice({"fatal": FATAL, "method": METHODS.get(moment), "prying": PRYING}[kind])
    with socket.create_server(("127.0.0.1", 0)) as server:
        if kind == "prying":
            statement = statement.format(results=str(folder / "results"), port=server.getsockname()[1])
        write(file, moment, statement)
        ended = run(
            ["run", str(file), "chance", "-s", ground.suite, "--results", "results"], folder, prepare=limit_seconds
        )
        server.setblocking(False)
        reached = connected(server)
    faults = faults_of_the_other(ground, ended, folder)
    if reached:
        faults.append("reached a socket of this machine")
    if kind != "prying" or ended.status != 0:
        faults += faults_of_refusal(ended, "mine.py, combined labels: mine: ")
    shutil.rmtree(folder)
    shutil.rmtree(file.parent)
    return [Try(f"{moment}: {statement}", faults)]


def write(file, moment, statement):
    """Write a predictor that executes a statement at one moment."""
    indent = "" if moment == "start" else 8 * " "
    parts = dict.fromkeys(MOMENTS, "pass") | {"start": "", moment: statement.replace("\n", f"\n{indent}")}
    file.parent.mkdir()
    file.write_text(HEAD + test_child.FORGE + LEARNER.format(**parts), errors="surrogatepass")


def connected(server):
    """Whether somebody has connected to a server."""
    try:
        server.accept()
    except BlockingIOError:
        return False
    return True


def faults_of_the_other(ground, ended, folder):
    """What was not as if the honest predictor had been run alone, apart from the files of the hostile one."""
    lines = [line.split()[0] for line in ended.output.splitlines() if line.strip()]
    faults = [] if "chance" in lines and set(lines) <= {"chance", "mine"} else [f"printed {ended.output[:300]!r}"]
    files = {name: data for name, data in contents(folder).items() if not Path(name).name.startswith("mine")}
    return faults + differences(ground.verbs["run chance"].files, files)
