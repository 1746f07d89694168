"""A process with a stranger's predictor, and the questions that it answers.

    child = Child(Origin(name="mine", file="/home/me/mine.py"), None)
    child.load().learns

`benchmark.plugins.predictors.child` answers at the other end. Whatever happens there is a PredictorError that names the
predictor; nothing of its output reaches standard output, and it ends with the object that leads to it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from benchmark.core.errors import PredictorError
from benchmark.core.messages import clean_line
from benchmark.core.types import Examples
from benchmark.plugins.predictors import exchange
from benchmark.plugins.predictors.base import Context
from benchmark.plugins.predictors.sandbox import environment, sandboxed

logger = logging.getLogger(__name__)
T = TypeVar("T", bound=exchange.Answer)
MODULE = "benchmark.plugins.predictors.child"
LIMITS = {"load": 300.0, "build": 600.0, "fit": 86400.0, "score": 600.0, "state": 600.0, "load_state": 600.0}
"""Seconds after which a child that has not answered is ended."""
SMALL, LARGE = 2**20, 2**32
"""Largest answers, in bytes: most of them, and a learned state."""
MOST_INDICES, MOST_LINES = 4096, 1000
"""Most examples of one request, and most lines of a child's output that are shown."""


class InvalidAnswer(Exception):
    """A child's answer is none, or its process has ended."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a predictor comes from: a file, or an installed package."""

    name: str
    """The predictor's name, for messages."""
    file: str = ""
    """Absolute path of its file, or empty."""
    plugin: str = ""
    """Name of its entry point, or empty."""
    hidden: tuple[Path, ...] = ()
    """Folders that it must not read."""

    @property
    def shown(self) -> list[Path]:
        """What it needs to read: the package, and its own file with those beside it."""
        package = Path(__file__).parents[2]
        own = [Path(self.file).parent, Path(self.file)] if self.file else []
        return [package, package.parent / "baselines", *own]


class Child:
    """A process with a predictor, which answers one question after the other; without a context it reads no networks."""

    def __init__(self, origin: Origin, context: Context | None) -> None:
        self.origin, self.name, self.command = origin, origin.name, command(origin, context)
        self.pipe, theirs = Pipe()
        with theirs:
            self.process = start(self.command, theirs.fileno())
        assert self.process.stdout
        reader = threading.Thread(target=show_output, args=(self.process.stdout, self.name), daemon=True)
        reader.start()
        self.end = weakref.finalize(self, end, self.process, self.pipe, self.process.stdout, reader)

    def load(self) -> exchange.Described:
        """Load the predictor's class, which runs the file or imports the package; returns what its class says."""
        return self.ask("load", self.origin.file, self.origin.plugin, answer=exchange.Described)

    def ask(self, question: str, *values: Any, answer: type[T], parts: Sequence[Examples] = (), most: int = SMALL) -> T:
        """The answer to a question.

        Args:
            question: a handler of the child's `Server`.
            values: its arguments, which are pickled.
            answer: the type of the answer.
            parts: training and validation examples, which the child may ask for meanwhile.
            most: largest size of the answer, in bytes.

        Raises:
            PredictorError: the predictor raised, or its process ended, answered too late, or gave no valid answer.
        """
        title, late = exchange.TITLES.get(question, f"{question}()"), threading.Event()
        if not self.end.alive:
            raise PredictorError(f"{self.name}: {title} cannot be called, since its process has ended")
        timer = threading.Timer(LIMITS[question], expire, (late, self.process))
        timer.daemon = True
        timer.start()
        try:
            reply = self.exchange((question, *values), most)
            while isinstance(reply, exchange.Requested) and parts:
                reply = self.exchange(requested(reply, parts), most)
            if not isinstance(reply, answer | exchange.Failed):
                raise InvalidAnswer(f"{type(reply).__name__} instead of {answer.__name__}")
        except InvalidAnswer as error:
            problem = f"took longer than {LIMITS[question]:g} s" if late.is_set() else self.problem(error)
            self.end()
            raise PredictorError(f"{self.name}: {title} {problem}") from error
        except BaseException:
            self.end()
            raise
        finally:
            timer.cancel()
        if isinstance(reply, exchange.Failed):
            raise PredictorError(f"{self.name}: {clean_line(reply.problem)}")
        return reply

    def exchange(self, message: Any, most: int) -> exchange.Answers:
        """Send a message and receive an answer of at most this many bytes."""
        data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            self.pipe.send_bytes(data)
            return exchange.DECODER.decode(self.pipe.recv_bytes(most))
        except (EOFError, OSError, RecursionError, msgspec.MsgspecError) as error:
            raise InvalidAnswer(clean_line(str(error)) or "its pipe is closed") from error

    def problem(self, error: InvalidAnswer) -> str:
        """What the predictor did, in words."""
        try:
            code = self.process.wait(1)
        except subprocess.TimeoutExpired:
            return f"gave no valid answer ({error})"
        number = code - 128 if code > 128 else -code  # of a signal, by bubblewrap and by Python
        cause = signal.Signals(number).name if number in set(signal.Signals) else f"exit status {code}"
        return f"ended its process ({cause})"


def command(origin: Origin, context: Context | None) -> list[str]:
    """The command that starts a child, but for the descriptor of its pipe; it says all that the child may see and use."""
    networks = [context.networks] if context and context.networks else []
    device = context.device if context else "cpu"
    python = [sys.executable, "-P", "-m", MODULE]
    return sandboxed(python, hidden=origin.hidden, shown=[*origin.shown, *networks], device=device)


def start(words: Sequence[str], descriptor: int) -> subprocess.Popen[bytes]:
    """Start a child that answers at this end of a pipe, and does not get the signals of a terminal, such as that of Ctrl-C."""
    return subprocess.Popen(
        [*words, str(descriptor)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[descriptor],
        start_new_session=True,
    )


def expire(late: threading.Event, process: subprocess.Popen[bytes]) -> None:
    """End a child that has taken too long."""
    late.set()
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a child and the processes that it started, unless they have left its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def end(process: subprocess.Popen[bytes], pipe: Connection, output: IO[bytes], reader: threading.Thread) -> None:
    """End a child, wait for it, and close what leads to it."""
    if process.poll() is None:
        kill(process)
        process.wait()
    pipe.close()
    reader.join(1)
    if not reader.is_alive():
        output.close()


def show_output(output: IO[bytes], name: str) -> None:
    """Log what a child prints, a message a line, so that it is never mixed with results; what is too much is dropped."""
    count = 0
    while data := output.readline(2 * SMALL):
        if text := clean_line(data.decode(errors="replace")):
            count += 1
            if count <= MOST_LINES:
                logger.info(f"{name}: {text}")
            if count == MOST_LINES:
                logger.warning(f"{name}: printed {MOST_LINES} lines; the others are not shown")


def requested(request: exchange.Requested, parts: Sequence[Examples]) -> list[exchange.Packed]:
    """The examples that a child asks for.

    Raises:
        InvalidAnswer: there are no such examples, or too many are asked for at once.
    """
    part, indices = parts[request.part], request.indices
    if len(indices) > MOST_INDICES or not all(-len(part) <= index < len(part) for index in indices):
        raise InvalidAnswer(f"asks for {len(indices)} examples, not all from 0 to {len(part) - 1}")
    return [exchange.packed_example(example) for example in part.take(indices)] if indices else []
