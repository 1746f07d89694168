"""The plug-in: a predictor scores images by how useful they are to a machine.

A predictor file defines one subclass of Predictor, or of LearnedPredictor where it has something to learn:

    class Contrast(Predictor):
        "Standard deviation of the pixels. No-reference, no training."

        def score(self, samples):
            return [float(sample.image.float().std()) for sample in samples]

`utilbench run contrast.py -s glyphs` evaluates it.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError, PredictorError
from benchmark.records import Examples, Sample

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from benchmark.networks.network import Network

NEEDS = {"reference", "bitstream", "probe"}
TARGETS = ("label", "utility")


@dataclass(frozen=True)
class Context:
    """What a predictor is built with."""

    device: str = "cpu"
    """`cpu`, `cuda` or `mps`."""
    task: str = "classification"
    """What the images are judged for."""
    seed: int = 0
    """Seeds whatever a predictor draws."""
    networks: Path | None = None
    """Folder of weight files."""
    probe: str = ""
    """The suite's classifier to look into, or empty."""

    def network(self, name: str) -> Network:
        """A pretrained network, such as `torchvision:resnet18`, whose weights are on this machine; nothing is downloaded.

        Raises:
            MissingWeights: they are not.
        """
        from benchmark.networks import load

        return load(name, self.networks, self.device, download=False)

    def classifier(self) -> Network:
        """The suite's probe: a classifier whose logits and layers a predictor may look into.

        Raises:
            PredictorError: the suite names none, or one that gives no logits.
        """
        from benchmark.networks import load

        if not self.probe:
            raise PredictorError("the suite names no probe; [networks] probe = a classifier that gives logits")
        network = load(self.probe, self.networks, self.device)
        if not network.logits or network.module is None:
            raise PredictorError(
                f"{self.probe} gives probabilities only; a probe must be a classifier that gives logits"
            )
        return network


class Predictor(ABC):
    """Scores samples; higher = more useful."""

    needs: ClassVar[set[str]] = set()
    """What is asked for: `reference` and `bitstream` of each sample, `probe`, the suite's classifier, of the context."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @abstractmethod
    def score(self, samples: Sequence[Sample]) -> Sequence[float]:
        """One finite number for each sample; each depends on its own sample alone."""

    def graph(self) -> Module:
        """For `utilbench export`: a module, uint8 images (N, 3, H, W) of one size -> scores (N,); see `resnet18`.

        Raises:
            PredictorError: it is none, which is the default.
        """
        raise PredictorError(f"{type(self).__name__} is no network that can be exported; it has no graph()")


class LearnedPredictor(Predictor):
    """A predictor that is trained on labelled examples first."""

    target: ClassVar[str] = "label"
    """What it learns: `label`, from labelled images with class weights; or `utility`, from all images whose pristine versions
    the networks get right, labelled or not."""
    seeded: ClassVar[bool] = True
    """Whether its training depends on the seed; if not, one run is enough."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.notes: dict[str, str] = {}
        """What a reader of the scorecard should know of the training; saved with the state."""

    @abstractmethod
    def fit(self, train: Examples, validation: Examples) -> None:
        """Learn from `train`; `validation` is for choosing. Examples are made when they are indexed, and not kept."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """All that was learned, by name."""

    @abstractmethod
    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` returned; `notes` are restored before."""


class Variant(LearnedPredictor):
    """Another predictor that learns, built in another way: a subclass says how, the rest is left to that one."""

    def __init__(self, context: Context, inner: LearnedPredictor) -> None:
        super().__init__(context)
        self.inner = inner

    def score(self, samples: Sequence[Sample]) -> Sequence[float]:
        """As the inner one."""
        return self.inner.score(samples)

    def fit(self, train: Examples, validation: Examples) -> None:
        """As the inner one."""
        self.inner.fit(train, validation)
        self.notes = self.inner.notes

    def graph(self) -> Module:
        """As the inner one."""
        return self.inner.graph()

    def state(self) -> dict[str, Tensor]:
        """As the inner one."""
        return self.inner.state()

    def load_state(self, state: dict[str, Tensor]) -> None:
        """As the inner one."""
        self.inner.load_state(state)


@contextlib.contextmanager
def named(name: str, what: str) -> Iterator[None]:
    """Turn whatever a predictor's own code raises into a PredictorError that names it."""
    try:
        yield
    except BenchmarkError:
        raise
    except Exception as error:  # a stranger's code may raise anything
        raise PredictorError(f"{name}: {what} raised {type(error).__name__}: {error}") from error


def checked_scores(
    name: str, predictor: Predictor, samples: Sequence[Sample], told: Sequence[str]
) -> NDArray[np.float64]:
    """One finite score for each sample, shape (N,).

    Args:
        name: the predictor's, for messages.
        predictor: whose scores are asked for.
        samples: what it sees.
        told: what a message calls each of them.

    Raises:
        PredictorError: it raises, gives another number of scores, or one that is not finite; the message names the sample.
    """
    with named(name, "score()"):
        scores = np.asarray(predictor.score(samples), np.float64)
    if scores.shape != (len(samples),):
        raise PredictorError(f"{name}: returned {scores.shape} scores for {len(samples)} samples; one each is needed")
    if not np.isfinite(scores).all():
        culprit = told[int(np.argmin(np.isfinite(scores)))]
        raise PredictorError(f"{name}: the score of {culprit} is not finite; the run is void")
    return scores


def track(kind: type[Predictor]) -> str:
    """`full-reference`, `bitstream` or `no-reference`, by what a predictor needs."""
    if "reference" in kind.needs:
        return "full-reference"
    return "bitstream" if "bitstream" in kind.needs else "no-reference"
