"""`onnx:` networks: an ONNX file of any origin, by name in the networks folder or by path.

    onnx:mobilenet_v2_quant        <folder>/mobilenet_v2_quant.onnx
    onnx:exports/resnet50.onnx     the file of this path, from here or from the networks folder

`onnx_contract` tells what is read from the file and what `NAME.toml` beside it must or may say; `settings` lists the keys.

- A *classifier* answers (N, classes), logits or probabilities. Which of the two is found by showing it two images, unless the
  output is called `probabilities` or the settings say it. A first class of background, as in TensorFlow's 1001, is left out.
- A *detector* answers as Ultralytics' do, see `ultralytics`, or has the outputs `boxes` (1, A, 4), left, top, right, bottom in
  0..1 of the square, and `scores` (1, A, classes), 0 to 1, to which non-maximum suppression is applied.

A batch is run at once where the graph leaves its size free, else in parts of the graph's size, the last one filled up. Answers
become float32. Tensors may lie in other files that the model names ("external data", as in `X.onnx.data`). The digest of the
weights covers these and the settings, since outcomes depend on them.
"""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from benchmark.plugins.networks.answers import kind_of_answers
from benchmark.plugins.networks.network import Network
from benchmark.plugins.networks.onnx_contract import (
    FLOATS,
    InputForm,
    OnnxModel,
    described,
    find_input,
    find_task,
    sizes,
    type_name,
)  # fmt: skip
from benchmark.plugins.networks.onnx_detectors import detector, house_detector
from benchmark.plugins.networks.onnx_files import onnx_file, onnx_weights, open_session, settings_file
from benchmark.plugins.networks.onnx_session import explained, probe, run
from benchmark.plugins.networks.settings import preprocessing_of, read_settings

logger = logging.getLogger(__name__)
BACKGROUND = 1001
"""Number of classes of which the first is background, in networks of TensorFlow."""


def onnx_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """The network in `<folder>/<model>.onnx`, or in the file whose path `model` is.

    Raises:
        MissingWeights: there is no such file, or a file of its tensors is missing.
        NetworkError: the file is damaged, its input or output is none of the above, settings are wrong or lack what cannot be
            read from the file (the message names the keys), or onnxruntime is not installed.
    """
    path = onnx_file(model, folder)
    settings = read_settings(settings_file(path))
    weights = onnx_weights(path)
    opened = OnnxModel(f"onnx:{model}", path, open_session(path), settings)
    task, output = find_task(opened)
    form = find_input(opened, task)
    if task == "classification":
        return classifier(opened, form, output, weights)
    return (house_detector if opened.is_house else detector)(opened, form, output, weights)


def classifier(model: OnnxModel, form: InputForm, output: str, weights: str) -> Network:
    """The network around a classifier's session."""
    settings = model.settings
    if model.is_house:
        check_house(model, form)
    form, values = probe(model, form, output)
    values = rows_of(values)
    count = values.shape[1] if values.ndim == 2 else 0
    offset = int(count == BACKGROUND) if settings.offset is None else settings.offset
    if offset >= count:
        raise model.error(
            f"it answers {tuple(values.shape)} to two images; valid is (2, classes), above offset {offset}"
        )
    answers = settings.answers or ("probabilities" if model.is_house else kind_of_answers(values))
    if not answers:
        reason = "cannot be told, since those to two images lie in 0..1 and do not sum to 1"
        raise model.missing(["answers"], reason=reason)
    is_softmax = answers == "probabilities"

    def classify(images: torch.Tensor) -> torch.Tensor:
        return without_first(rows_of(run(model.session, form, images, [output])[0]), offset, is_softmax)

    logger.info(f"{model.name}: {explained(form)}; answers {answers} of {count - offset} classes")
    crop = 1.0 if model.metadata("task") == "classify" else 0.875
    prepare = preprocessing_of(settings, form.size, str(settings_file(model.path)), crop=crop)
    return Network(model.name, count - offset, prepare, weights, logits=not is_softmax, forward=classify)


def check_house(model: OnnxModel, form: InputForm) -> None:
    """Raise NetworkError unless the output `probabilities` is as it was agreed."""
    node = model.outputs["probabilities"]
    shape = sizes(node)
    if type_name(node.type) in FLOATS and len(shape) == 2 and shape[1] is not None and shape[0] in (None, form.batch):
        return
    valid = f"{', '.join(FLOATS)} (N, classes) with N as in images and classes fixed"
    raise model.error(f"{described(node)}; valid is {valid}")


def rows_of(values: torch.Tensor) -> torch.Tensor:
    """A classifier's answers without dimensions of 1 behind the classes: (N, classes, 1, 1) -> (N, classes)."""
    return values.flatten(1) if values.ndim == 4 and values.shape[2:] == (1, 1) else values


def without_first(values: torch.Tensor, offset: int, is_softmax: bool) -> torch.Tensor:
    """Answers (N, classes) without the first classes; probabilities are divided by what remains of their sum."""
    if not offset:
        return values
    kept = values[:, offset:]
    return kept / kept.sum(1, keepdim=True) if is_softmax else kept
