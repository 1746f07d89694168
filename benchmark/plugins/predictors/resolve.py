"""A predictor by name, path, submission or class, with the digest of its code; it is resolved once and used everywhere."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.digests import digest
from benchmark.core.errors import PredictorError
from benchmark.plugins.predictors.base import LearnedPredictor, Predictor
from benchmark.plugins.predictors.code_digests import baseline_code, code_digest
from benchmark.plugins.predictors.discovery import check_kind, find_predictor
from benchmark.plugins.predictors.informed import INFORMED, InformedRival
from benchmark.plugins.predictors.names import name_problem, predictor_names
from benchmark.plugins.predictors.proxy import ChildPredictor
from benchmark.plugins.predictors.sandbox import Sandbox, sandbox_kind
from benchmark.plugins.predictors.submission import Submission, find_submission


@dataclass(frozen=True)
class PredictorSpec:
    """A predictor to evaluate."""

    name: str
    kind: type[Predictor]
    code: str
    """Digest of its source code."""

    @property
    def sandbox(self) -> Sandbox:
        """How it is run: in this process, in one of its own, or in one inside bubblewrap."""
        return sandbox_kind() if issubclass(self.kind, ChildPredictor) else "none"

    @property
    def learns(self) -> bool:
        """Whether it is trained first and therefore has scores for each label set."""
        return issubclass(self.kind, LearnedPredictor)

    @property
    def seeded(self) -> bool:
        """Whether its scores depend on a seed."""
        return issubclass(self.kind, LearnedPredictor) and self.kind.seeded


def look_up(name: str, *, hidden: Sequence[Path] | None = None) -> Submission | PredictorSpec | InformedRival:
    """The informed rival of this name, the submission in this folder, of which nothing is executed, or else the predictor.

    Folders that are `hidden` cannot be read by a predictor that runs in a process of its own; see `find_predictor`.
    """
    return INFORMED.get(name) or find_submission(name) or PredictorSpec(*find_predictor(name, hidden=hidden))


def resolve_predictor(
    predictor: str | type[Predictor] | Submission | PredictorSpec, *, hidden: Sequence[Path] | None = None
) -> PredictorSpec:
    """The predictor of this name, path, submission or class; one that is resolved already is returned as it is.

    `evaluate` runs a class in this process, and what comes from files or other packages in processes of its own.
    """
    named = look_up(predictor, hidden=hidden) if isinstance(predictor, str) else predictor
    if isinstance(named, PredictorSpec):
        return named
    if isinstance(named, InformedRival):
        raise PredictorError(f"{named.name}: an informed rival looks at no image; `run` alone takes it")
    if isinstance(named, Submission):
        _, kind, code = find_predictor(str(named.find_code()), hidden=hidden, title=named.name)
        return PredictorSpec(named.name, kind, digest(code, named.other_files()))
    check_kind(named)
    package, _, module = named.__module__.partition(".")
    if package == "baselines" and module in predictor_names():
        return PredictorSpec(module, named, baseline_code(module))
    name = named.__name__.lower()
    if problem := name_problem(name):
        raise PredictorError(f"the name of the class {named.__name__}, as a predictor {problem}")
    return PredictorSpec(name, named, class_digest(named))


def class_digest(kind: type[Predictor]) -> str:
    """Digest of the code of a class and of the whole module in which it stands, on which it may depend."""
    try:
        own = inspect.getsource(kind)
    except (OSError, TypeError):  # Python keeps no source of it, so the digest differs each time
        return digest(repr(time.time_ns()))
    try:
        return digest(code_digest(own), code_digest(inspect.getsource(sys.modules[kind.__module__])))
    except (OSError, TypeError):  # what is typed has no module with a file
        return code_digest(own)
