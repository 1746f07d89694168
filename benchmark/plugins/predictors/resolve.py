"""A predictor by name, path, submission or class, with the digest of its code; it is resolved once and used everywhere."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass

from benchmark.core.digests import digest
from benchmark.core.errors import PredictorError
from benchmark.plugins.predictors.base import LearnedPredictor, Predictor
from benchmark.plugins.predictors.discovery import check_kind, code_digest, find_predictor
from benchmark.plugins.predictors.informed import INFORMED, InformedRival
from benchmark.plugins.predictors.submission import Submission, find_submission


@dataclass(frozen=True)
class PredictorSpec:
    """A predictor to evaluate."""

    name: str
    kind: type[Predictor]
    code: str
    """Digest of its source code."""

    @property
    def learns(self) -> bool:
        """Whether it is trained first and therefore has scores for each label set."""
        return issubclass(self.kind, LearnedPredictor)

    @property
    def seeded(self) -> bool:
        """Whether its scores depend on a seed."""
        return issubclass(self.kind, LearnedPredictor) and self.kind.seeded


def look_up(name: str) -> Submission | PredictorSpec | InformedRival:
    """The informed rival of this name, the submission in this folder, of which nothing is executed, or else the predictor."""
    return INFORMED.get(name) or find_submission(name) or PredictorSpec(*find_predictor(name))


def resolve_predictor(predictor: str | type[Predictor] | Submission | PredictorSpec) -> PredictorSpec:
    """The predictor of this name, path, submission or class; one that is resolved already is returned as it is."""
    if isinstance(predictor, str):
        predictor = look_up(predictor)
    if isinstance(predictor, PredictorSpec):
        return predictor
    if isinstance(predictor, InformedRival):
        raise PredictorError(f"{predictor.name}: an informed rival looks at no image; `run` alone takes it")
    if isinstance(predictor, Submission):
        _, kind, code = find_predictor(str(predictor.find_code()))
        return PredictorSpec(predictor.name, kind, digest(code, predictor.other_files()))
    check_kind(predictor)
    try:
        code = code_digest(inspect.getsource(predictor))
    except (OSError, TypeError):  # Python keeps no source of it, so the digest differs each time
        code = digest(repr(time.time_ns()))
    return PredictorSpec(predictor.__name__.lower(), predictor, code)
