"""The plug-in: a predictor scores images by how useful they are to a machine.

A predictor file defines one subclass of Predictor, or of LearnedPredictor where it has something to learn:

    class Contrast(Predictor):
        "Standard deviation of the pixels. No-reference, no training."

        def score(self, samples):
            return [float(sample.image.float().std()) for sample in samples]

`utilbench run contrast.py -s glyphs` evaluates it.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import inspect
import sys
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError, PredictorError
from benchmark.images import digest
from benchmark.records import Examples, Sample
from benchmark.registry import extensions, resolve

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.networks.network import Network

NEEDS = {"reference", "bitstream", "probe"}


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


class LearnedPredictor(Predictor):
    """A predictor that is trained on labelled examples first."""

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


def predictor_names() -> list[str]:
    """The baselines that come with the package."""
    return sorted(path.stem for path in baselines_folder().glob("[a-z]*.py"))


def baselines_folder() -> Path:
    """Where the baselines lie."""
    spec = importlib.util.find_spec("baselines")
    if spec is None or spec.origin is None:
        raise PredictorError("the package `baselines` is not installed; pip install utilbench installs it")
    return Path(spec.origin).parent


def find_predictor(name: str) -> tuple[str, type[Predictor], str]:
    """A predictor by the name of a baseline or of one that an installed package adds, or the path of a Python file.

    A file is executed; nothing else is before it is named.

    Returns:
        Its name (a file's without ending), its class, and the digest of its code.

    Raises:
        PredictorError: no such predictor or file, or not exactly one predictor in a file.
        PluginError: a package's predictor fails to load.
    """
    path = Path(name) if name.endswith(".py") else baselines_folder() / f"{name}.py"
    if not path.is_file():
        kind = resolve("predictors", name, {})
        if kind is None:
            known = ", ".join([*predictor_names(), *extensions("predictors", predictor_names())])
            raise PredictorError(f"no predictor {name!r}; there are {known}, or the path of a .py file")
        check_kind(kind)
        return name, kind, package_digest(kind)
    module_name = f"baselines.{path.stem}" if path.parent == baselines_folder() else f"predictor_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise PredictorError(f"{path}: cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a stranger's file may raise anything
        raise PredictorError(f"{path}: fails to load ({type(error).__name__}: {error})") from error
    kinds = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Predictor)]
    own = [kind for kind in kinds if kind.__module__ == module_name]
    if len(own) != 1:
        raise PredictorError(f"{path}: defines {len(own)} subclasses of Predictor; exactly one is needed")
    check_kind(own[0])
    return path.stem, own[0], code_digest(path.read_text(encoding="utf-8"))


def code_digest(source: str) -> str:
    """Digest of what Python code does, and the baselines that it imports: comments, docstrings and layout do not count."""
    tree = ast.parse(textwrap.dedent(source))
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    used = [name.removeprefix("baselines.") for name in names if name.startswith("baselines.")]
    others = [code_digest((baselines_folder() / f"{name}.py").read_text(encoding="utf-8")) for name in used]
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not is_text(one)] or [ast.Pass()]  # type: ignore[attr-defined]
    return digest(ast.dump(tree), *others)


def package_digest(kind: type) -> str:
    """Digest of all code of the package that a class comes from."""
    package = sys.modules[kind.__module__.partition(".")[0]]
    folders = [Path(place) for place in getattr(package, "__path__", ())]
    files = [file for place in folders for file in sorted(place.rglob("*.py"))]
    files = files or [Path(inspect.getfile(kind))]
    return digest(*(code_digest(file.read_text(encoding="utf-8")) for file in files))


def is_text(node: object) -> bool:
    """Whether a statement is nothing but a string, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def check_kind(kind: type[Predictor]) -> None:
    """Raise PredictorError unless the class is complete and needs only what there is."""
    if not (isinstance(kind, type) and issubclass(kind, Predictor)):
        raise PredictorError(f"{kind!r} is no subclass of Predictor")
    if missing := sorted(getattr(kind, "__abstractmethods__", ())):
        raise PredictorError(f"{kind.__name__} lacks {', '.join(missing)}")
    if unknown := set(kind.needs) - NEEDS:
        raise PredictorError(f"{kind.__name__} needs {sorted(unknown)}; there are {sorted(NEEDS)}")
