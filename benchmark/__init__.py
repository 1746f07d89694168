"""utilbench tells whether a compressed image is still useful to a machine.

    import benchmark

    class Brightness(benchmark.Predictor):
        def score(self, samples):
            return [float(sample.image.float().mean()) for sample in samples]

    card = benchmark.evaluate(Brightness, suite="glyphs")
    card.metrics["auroc"].value

What stands in `__all__` is the public interface; baselines use nothing else. Names are imported when they are first used, so
that the command line starts fast. `logging.basicConfig(level=logging.INFO)` shows what a script does while it does it.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

# Before torch is first imported, since OpenMP reads it once: a thread that waits must leave its core to whoever has work.
# Spinning, a training step took up to five times as long on a machine that is not all ours.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

HOMES = {
    "BenchmarkError": "benchmark.core.errors",
    "Context": "benchmark.plugins.predictors.base",
    "Distortion": "benchmark.plugins.distortions.distortion",
    "Example": "benchmark.core.types",
    "Examples": "benchmark.core.types",
    "LearnedPredictor": "benchmark.plugins.predictors.base",
    "MissingWeights": "benchmark.core.errors",
    "Network": "benchmark.plugins.networks.network",
    "Objects": "benchmark.core.types",
    "Predictor": "benchmark.plugins.predictors.base",
    "Preprocessing": "benchmark.plugins.networks.network",
    "Sample": "benchmark.core.types",
    "Source": "benchmark.core.types",
    "Variant": "benchmark.plugins.predictors.base",
    "Workspace": "benchmark.core.workspace",
    "advise": "benchmark.advice.advise",
    "autocast": "benchmark.core.precision",
    "decode": "benchmark.core.images",
    "evaluate": "benchmark.evaluation.evaluate",
    "file_digest": "benchmark.plugins.networks.weights",
    "from_module": "benchmark.plugins.networks.network",
    "load_predictor": "benchmark.deployment.inference",
    "load_suite": "benchmark.suites.loading",
    "loader_workers": "benchmark.core.devices",
    "read_weights": "benchmark.plugins.networks.weights",
    "show_progress": "benchmark.core.progress",
    "training_precision": "benchmark.core.precision",
}
__all__ = sorted(HOMES)


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'benchmark' has no attribute {name!r}; public are {', '.join(__all__)}")
    return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
