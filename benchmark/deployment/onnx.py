"""Export of a trained predictor as ONNX, for use without Python.

    utilbench export resnet18 -s glyphs -o resnet18.onnx

Input `images`: uint8 (N, 3, H, W), RGB, H and W 64 or more. Output `scores`: float32 (N,), higher = more useful. The file's
metadata hold predictor, suite, labels and threshold; an image is useful from this score on.
"""

from __future__ import annotations

import importlib.util
import io
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import torch

from benchmark.core.errors import PredictorError
from benchmark.core.files import atomic, check_writable, sweep_beside
from benchmark.core.types import Sample
from benchmark.deployment.inference import InferencePredictor
from benchmark.plugins.predictors.answers import named
from benchmark.plugins.predictors.contract import CLOSE

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
SIZES = ((64, 64), (91, 203), (230, 300), (480, 640))
"""Heights and widths, in pixels, of the images on which the written file is compared with the predictor."""


def to_onnx(ready: InferencePredictor, path: Path, metadata: dict[str, str]) -> float:
    """Write a predictor as ONNX, after a comparison with the predictor's own scores.

    Args:
        ready: a loaded predictor that has a graph (see `Predictor.graph`).
        path: the file to write.
        metadata: metadata of the file, beside the predictor's name and threshold.

    Returns:
        The largest difference between the file's scores and the predictor's, over the larger of 1 and the score.

    Raises:
        FileError: the file cannot be written.
        PredictorError: the predictor has no graph, a package is missing, or the scores differ by more than 1e-4.
    """
    check_writable(path.parent)
    sweep_beside(path)
    module = ready.predictor.graph()
    if lacking := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        raise PredictorError(f"ONNX needs {', '.join(lacking)}; pip install 'utilbench[onnx]'")
    from torch.export import Dim

    sizes = {0: Dim("n"), 2: Dim("height", min=64), 3: Dim("width", min=64)}
    example = torch.zeros(2, 3, 300, 400, dtype=torch.uint8)
    with named(ready.name, "export"), warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the exporter warns about its own future changes
        program = torch.onnx.export(
            module, (example,), dynamo=True, input_names=["images"], output_names=["scores"], dynamic_shapes=(sizes,)
        )
    if program is None:
        raise PredictorError(f"{ready.name}: torch gave no ONNX program")
    program.model.metadata_props.update({"predictor": ready.name, "threshold": repr(ready.threshold), **metadata})
    with atomic(path) as temporary:
        program.save(str(temporary))
        gap = difference(ready, temporary)
        if gap > CLOSE:
            raise PredictorError(f"{ready.name}: scores in ONNX are off by {gap:.2g}, more than {CLOSE:g}")
    return gap


def difference(ready: InferencePredictor, path: Path) -> float:
    """The largest difference on random images of several sizes, over the larger of 1 and the score."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    random, gaps = np.random.default_rng(0), []
    for height, width in SIZES:
        coarse = torch.from_numpy(random.integers(0, 256, (2, 3, height // 8 + 1, width // 8 + 1), np.uint8))
        images = coarse.repeat_interleave(8, 2).repeat_interleave(8, 3)[..., :height, :width].contiguous()
        exported = session.run(["scores"], {"images": images.numpy()})[0]
        own = np.asarray(ready.predictor.score([Sample(image) for image in images]))
        gaps.append(np.abs(exported - own) / np.maximum(1, np.abs(own)))
    return float(np.max(gaps))
