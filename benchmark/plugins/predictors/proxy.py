"""Predictors of other people: a class that stands for theirs, whose instances each lead to a process of their own.

    kind = child_kind(Origin(name="mine", file="/home/me/mine.py"))
    kind.needs, kind(context).score(samples)            # asked of a child, see `benchmark.plugins.predictors.process`

Nothing of theirs is imported or unpickled here. Examples are made here and sent when the child asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import PredictorError
from benchmark.core.messages import clean_line
from benchmark.core.types import Examples, Sample
from benchmark.plugins.predictors import exchange
from benchmark.plugins.predictors.base import NEEDS, TARGETS, Context, LearnedPredictor, Predictor
from benchmark.plugins.predictors.process import LARGE, SMALL, Child, Origin, command

if TYPE_CHECKING:
    from torch import Tensor


class ChildPredictor(Predictor):
    """Stands for a predictor of other people; a subclass for each is made by `child_kind`."""

    origin: ClassVar[Origin]
    waiting: ClassVar[list[Child]]
    """The child that described the class, until an instance takes it, since starting another one takes seconds."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        child = self.waiting_child(context)
        if child is None:
            child = Child(self.origin, context)
            child.load()
        self.child = child
        self.child.ask("build", context, answer=exchange.Done)

    @classmethod
    def waiting_child(cls, context: Context) -> Child | None:
        """The child that described the class, for the first who asks, if it may see and use what this context needs."""
        if not cls.waiting:
            return None
        child = cls.waiting.pop()
        if child.command == command(cls.origin, context):
            return child
        child.end()
        return None

    def score(self, samples: Sequence[Sample]) -> NDArray[np.float64]:  # type: ignore[override]
        """The scores that the child gives."""
        batch = [exchange.packed(sample) for sample in samples]
        reply = self.child.ask("score", batch, answer=exchange.Scored, most=SMALL + 64 * len(batch))
        try:
            return np.frombuffer(reply.values, np.float64).reshape(reply.shape)
        except ValueError as error:
            self.child.end()
            raise PredictorError(f"{self.origin.name}: score() gave no valid answer ({error})") from error

    def graph(self) -> NoReturn:
        """Refuse: a module of another process would have to be unpickled here."""
        raise PredictorError(
            f"{self.origin.name} runs in a process of its own, from which no network is taken; "
            f"`benchmark.deployment.onnx.to_onnx` exports an object of its class"
        )


class ChildLearner(ChildPredictor, LearnedPredictor):
    """Stands for a predictor of other people that learns."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.notes = {}

    def fit(self, train: Examples, validation: Examples) -> None:
        """Train the child's predictor."""
        parts = [Examples.of(part) if isinstance(part, list) else part for part in (train, validation)]
        given = [(part.weights, list(part.groups)) for part in parts]
        self.notes = self.child.ask("fit", *given, answer=exchange.Fitted, parts=parts).notes

    def state(self) -> dict[str, Tensor]:
        """The learned tensors, on the CPU."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        reply = self.child.ask("state", answer=exchange.Stated, most=LARGE)
        try:
            return load(reply.tensors)
        except (SafetensorError, ValueError, KeyError) as error:
            self.child.end()
            raise PredictorError(
                f"{self.origin.name}: state() gave no valid answer ({clean_line(str(error))})"
            ) from error

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Restore the learned tensors and notes in the child."""
        from safetensors.torch import save

        self.child.ask("load_state", self.notes, save(state), answer=exchange.Done)


def child_kind(origin: Origin) -> type[ChildPredictor]:
    """The class that stands for a predictor, whose attributes are asked of a child.

    Raises:
        PredictorError: it cannot be loaded; the message is the child's.
    """
    child = Child(origin, None)
    about = child.load()
    base = ChildLearner if about.learns else ChildPredictor
    return type(
        origin.name,
        (base,),
        {
            "__doc__": clean_line(about.about),
            "origin": origin,
            "waiting": [child],
            "needs": set(about.needs) & NEEDS,
            "formats": set(map(clean_line, about.formats)),
            "target": about.target if about.target in TARGETS else TARGETS[0],
            "seeded": about.seeded,
        },
    )
