"""utilbench tells whether a compressed image is still useful to a machine.

    import benchmark

    class Brightness(benchmark.Predictor):
        def score(self, samples):
            return [float(sample.image.float().mean()) for sample in samples]

    card = benchmark.evaluate(Brightness, suite="glyphs")
    card["metrics"]["auroc"]["value"]

What stands in `__all__` is the public interface; baselines use nothing else. Names are imported when they are first used, so
that the command line starts fast.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

# Before torch is first imported, since OpenMP reads it once: a thread that waits must leave its core to whoever has work.
# Spinning, a training step took up to five times as long on a machine that is not all ours.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

HOMES = {
    "BenchmarkError": "benchmark.errors",
    "MissingWeights": "benchmark.errors",
    "Context": "benchmark.predictor",
    "LearnedPredictor": "benchmark.predictor",
    "Predictor": "benchmark.predictor",
    "Variant": "benchmark.predictor",
    "Example": "benchmark.records",
    "Examples": "benchmark.records",
    "Sample": "benchmark.records",
    "autocast": "benchmark.precision",
    "evaluate": "benchmark.evaluation.evaluate",
    "load_predictor": "benchmark.use",
    "loader_workers": "benchmark.runtime",
    "show_progress": "benchmark.progress",
    "training_precision": "benchmark.precision",
    "load_suite": "benchmark.suite",
}
__all__ = sorted(HOMES)


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'benchmark' has no attribute {name!r}; public are {', '.join(__all__)}")
    return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
