"""A predictor by name, path, submission or class, with the digest of its code; it is resolved once and used everywhere."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass

from benchmark.core.digests import digest
from benchmark.plugins.predictors.base import LearnedPredictor, Predictor
from benchmark.plugins.predictors.discovery import check_kind, code_digest, find_predictor
from benchmark.plugins.predictors.submission import find_submission


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


def resolve_predictor(predictor: str | type[Predictor]) -> PredictorSpec:
    """The predictor of this name, path, submission's folder, or class."""
    if isinstance(predictor, str):
        submission = find_submission(predictor)
        if submission is None:
            return PredictorSpec(*find_predictor(predictor))
        _, kind, code = find_predictor(str(submission.find_code()))
        return PredictorSpec(submission.name, kind, digest(code, submission.other_files()))
    check_kind(predictor)
    try:
        code = code_digest(inspect.getsource(predictor))
    except (OSError, TypeError):  # Python keeps no source of it, so the digest differs each time
        code = digest(repr(time.time_ns()))
    return PredictorSpec(predictor.__name__.lower(), predictor, code)
