"""The child: loads a stranger's predictor and answers its parent's questions until that ends.

    python -m benchmark.plugins.predictors.child FILE_DESCRIPTOR

`benchmark.plugins.predictors.process` starts it. Whatever the predictor raises becomes an answer.
"""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Lock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.core.devices import prepare_process
from benchmark.core.errors import BenchmarkError
from benchmark.core.messages import cause, clean_line, show_messages
from benchmark.core.types import Example, Examples
from benchmark.plugins.predictors import exchange
from benchmark.plugins.predictors.answers import as_numbers, built
from benchmark.plugins.predictors.base import Context, LearnedPredictor, Predictor
from benchmark.plugins.predictors.discovery import load_file, load_plugin
from benchmark.plugins.predictors.sandbox import restrict_process

CHUNK = 64
"""Examples that are asked for at once, so that a large request fills the memory of this process alone."""


class BrokenContract(Exception):
    """A method returned, or did, what the contract does not allow."""


class Remote:
    """Makes the examples of a part by asking the parent; in workers of this process too, one at a time."""

    def __init__(self, pipe: Connection, part: Literal[0, 1], lock: Lock) -> None:
        self.pipe, self.part, self.lock = pipe, part, lock

    def __call__(self, indices: Sequence[int]) -> list[Example]:
        """The examples at these indices."""
        examples: list[Example] = []
        for start in range(0, len(indices), CHUNK):
            chosen = tuple(int(index) for index in indices[start : start + CHUNK])
            with self.lock:
                self.pipe.send_bytes(exchange.ENCODER.encode(exchange.Requested(self.part, chosen)))
                answer = pickle.loads(self.pipe.recv_bytes())
            examples += map(exchange.unpacked_example, answer)
        return examples


class Server:
    """A predictor, and the answers to questions about it."""

    kind: type[Predictor]
    predictor: Predictor

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.handlers: dict[str, Callable[..., exchange.Answer]] = {
            handler.__name__: handler
            for handler in (self.load, self.build, self.fit, self.score, self.state, self.load_state)
        }

    def answer(self, question: str, *values: Any) -> bytes:
        """The encoded answer to a question, which says what went wrong if anything did."""
        title = exchange.TITLES.get(question, f"{question}()")
        try:
            return exchange.ENCODER.encode(self.handlers[question](*values))
        except BaseException as error:  # third-party code may raise anything, SystemExit included
            own = isinstance(error, BrokenContract) or (question == "load" and isinstance(error, BenchmarkError))
            text = f"{title} {error}" if isinstance(error, BrokenContract) else str(error)
            return exchange.ENCODER.encode(
                exchange.Failed(clean_line(text) if own else f"{title} raised {cause(error)}")
            )

    def load(self, file: str, plugin: str) -> exchange.Described:
        """Execute the file, or import the package, that defines the class."""
        self.kind = load_file(file) if file else load_plugin(plugin)
        learner = self.kind if issubclass(self.kind, LearnedPredictor) else LearnedPredictor
        return exchange.Described(
            needs=tuple(self.kind.needs),
            formats=tuple(self.kind.formats),
            learns=learner is self.kind,
            target=learner.target,
            seeded=bool(learner.seeded),
            about=clean_line(self.kind.__doc__ or ""),
        )

    def build(self, context: Context) -> exchange.Done:
        """Construct the predictor."""
        prepare_process()
        self.predictor = built(self.kind, context)
        return exchange.Done()

    def fit(self, *parts: tuple[NDArray[np.float64], Sequence[int]]) -> exchange.Fitted:
        """Train the predictor on the weights and groups of each part; examples are asked for."""
        learner, lock = self.learner(), multiprocessing.Lock()
        (train, validation) = parts
        learner.fit(Examples(Remote(self.pipe, 0, lock), *train), Examples(Remote(self.pipe, 1, lock), *validation))
        return exchange.Fitted(learner.notes)

    def score(self, batch: Sequence[exchange.Packed]) -> exchange.Scored:
        """Score samples, whose images must stay as they are."""
        samples = [exchange.unpacked(values) for values in batch]
        images = exchange.images(samples)
        before = [image.clone() for image in images]
        scores = as_numbers(self.predictor.score(samples))
        if not all(image.equal(original) for image, original in zip(images, before, strict=True)):
            raise BrokenContract("changed the pixels of a sample")
        return exchange.Scored(scores.shape, scores.tobytes())

    def state(self) -> exchange.Stated:
        """The learned tensors."""
        import torch
        from safetensors.torch import save

        tensors = self.learner().state()
        if not isinstance(tensors, dict) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
            raise BrokenContract("returned no dictionary of tensors")
        return exchange.Stated(save({name: value.contiguous() for name, value in tensors.items()}))

    def load_state(self, notes: dict[str, str], tensors: bytes) -> exchange.Done:
        """Restore the learned tensors."""
        from safetensors.torch import load

        learner = self.learner()
        learner.notes = notes
        learner.load_state(load(tensors))
        return exchange.Done()

    def learner(self) -> LearnedPredictor:
        """The predictor, which learns."""
        if not isinstance(self.predictor, LearnedPredictor):
            raise BrokenContract("is asked of a predictor that does not learn")
        return self.predictor


def main(descriptor: int) -> None:
    """Answer questions until the parent closes the pipe."""
    restrict_process()
    show_messages()
    pipe = Connection(descriptor)
    server = Server(pipe)
    while True:
        try:
            question = pickle.loads(pipe.recv_bytes())
        except (EOFError, OSError):
            return
        pipe.send_bytes(server.answer(*question))


if __name__ == "__main__":
    main(int(sys.argv[1]))
