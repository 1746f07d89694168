"""The interface of a predictor, which scores images by how useful they are to a machine.

A predictor file defines one subclass of Predictor, or of LearnedPredictor if it is trained:

    class Contrast(Predictor):
        "Standard deviation of the pixels. No-reference, no training."

        def score(self, samples):
            return [float(sample.image.float().std()) for sample in samples]

`utilbench run contrast.py -s glyphs` evaluates it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from benchmark.core.errors import PredictorError
from benchmark.core.types import Examples, Sample

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from benchmark.plugins.networks.network import Network

NEEDS = {"reference", "bitstream", "probe", "classifier"}
TARGETS = ("label", "utility", "smr")


@dataclass(frozen=True, kw_only=True)
class Context:
    """The environment that a predictor is built with.

    Examples:
        >>> Context(seed=3)
        Context(device='cpu', task='classification', seed=3, networks=None, probe='', classifier='')
    """

    device: str = "cpu"
    """`cpu`, `cuda` or `mps`."""
    task: str = "classification"
    """The task for which the images are scored."""
    seed: int = 0
    """Seed of stochastic methods."""
    networks: Path | None = None
    """Folder of weight files."""
    probe: str = ""
    """Name of the suite's probe, a small network of its task, or empty."""
    classifier: str = ""
    """Name of the classifier whose logits and layers may be read, or empty."""

    def network(self, name: str) -> Network:
        """A pretrained network, such as `torchvision:resnet18`, whose weights are on this machine; nothing is downloaded.

        Raises:
            MissingWeights: the weights are not on this machine.
        """
        from benchmark.plugins.networks import load

        return load(name, self.networks, device=self.device, download=False)

    def open_probe(self) -> Network:
        """The suite's probe: a small network of its task, which a predictor may ask.

        Raises:
            PredictorError: the suite names no probe, or one of another task.
        """
        from benchmark.plugins.networks import load

        if not self.probe:
            raise PredictorError(f"the suite names no probe; [networks] probe = a small network for {self.task}")
        network = load(self.probe, self.networks, device=self.device)
        if network.task != self.task:
            raise PredictorError(f"the probe {self.probe} does {network.task}, the suite is {self.task}")
        return network

    def open_classifier(self) -> Network:
        """The suite's classifier whose logits and layers a predictor may read; for classification its probe.

        Raises:
            PredictorError: the suite names none, or one that returns no logits.
        """
        from benchmark.plugins.networks import load

        if not self.classifier:
            raise PredictorError(
                "the suite names no classifier to look into; [networks] probe, or classifier, = one that gives logits"
            )
        network = load(self.classifier, self.networks, device=self.device)
        if not network.logits or network.module is None:
            raise PredictorError(
                f"{self.classifier} gives no logits; a predictor looks into a classifier that gives logits"
            )
        return network


class Predictor(ABC):
    """A predictor that scores samples; a higher score means more useful.

    Examples:
        >>> import torch
        >>> class Brightness(Predictor):
        ...     def score(self, samples):
        ...         return [float(sample.image.float().mean()) for sample in samples]
        >>> Brightness(Context()).score([Sample(torch.full((3, 8, 8), 90, dtype=torch.uint8))])
        [90.0]
    """

    needs: ClassVar[set[str]] = set()
    """Extra inputs: `reference` and `bitstream` of each sample; `probe` and `classifier`, networks that the context opens."""
    formats: ClassVar[set[str]] = set()
    """Formats of the bitstreams that it can read, as Pillow calls them, such as `JPEG`; all if empty."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @abstractmethod
    def score(self, samples: Sequence[Sample]) -> Sequence[float]:
        """Return one finite number for each sample, from -1e100 to 1e100.

        It depends on that sample alone; a run scores some twice to check it.
        """

    def graph(self) -> Module:
        """The module for `utilbench export`: uint8 images (N, 3, H, W) of one size -> scores (N,), as `resnet18` has it.

        Raises:
            PredictorError: the predictor is not a module, which is the default.
        """
        raise PredictorError(f"{type(self).__name__} is no network that can be exported; it has no graph()")


class LearnedPredictor(Predictor):
    """A predictor that is first trained on labelled examples."""

    target: ClassVar[str] = "label"
    """What it learns: `label`, from labelled images with class weights; `utility`, from all images whose pristine versions the
    networks classify correctly, labelled or not; or `smr`, from all images with the share of labelling networks that decide as
    on the pristine version as their utility."""
    seeded: ClassVar[bool] = True
    """Whether its training depends on the seed; if not, one run is enough."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.notes: dict[str, str] = {}
        """Remarks on the training for readers of the scorecard; they are saved with the state."""

    @abstractmethod
    def fit(self, train: Examples, validation: Examples) -> None:
        """Learn from `train` and select on `validation`. Examples are made when they are indexed, and not kept."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """The learned tensors, by name."""

    @abstractmethod
    def load_state(self, state: dict[str, Tensor]) -> None:
        """Restore the tensors that `state` returned; `notes` are restored before."""


class Variant(LearnedPredictor):
    """A learned predictor that wraps another one; a subclass builds the inner predictor, which does all the rest."""

    def __init__(self, context: Context, inner: LearnedPredictor) -> None:
        super().__init__(context)
        self.inner = inner

    def score(self, samples: Sequence[Sample]) -> Sequence[float]:
        """Return the scores of the inner predictor."""
        return self.inner.score(samples)

    def fit(self, train: Examples, validation: Examples) -> None:
        """Train the inner predictor."""
        self.inner.fit(train, validation)
        self.notes = self.inner.notes

    def graph(self) -> Module:
        """Return the module of the inner predictor."""
        return self.inner.graph()

    def state(self) -> dict[str, Tensor]:
        """Return the state of the inner predictor."""
        return self.inner.state()

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Restore the state of the inner predictor."""
        self.inner.load_state(state)


def track(needs: Collection[str]) -> str:
    """The track of a predictor that needs these: `full-reference`, `bitstream` or `no-reference`."""
    if "reference" in needs:
        return "full-reference"
    return "bitstream" if "bitstream" in needs else "no-reference"
