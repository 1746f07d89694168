"""`hf:` networks: classifiers and detectors of transformers, from the Hugging Face hub or from a folder (extra `hf`).

    hf:google/vit-base-patch16-224      a repository, from the hub's cache or by download; @REVISION may follow
    hf:exports/my_vit                   a folder as `save_pretrained` of model and image processor make it

Only safetensors are read, and no code of a repository is executed. A *classifier* gets its image processor's resize, crop, mean
and std as a `Preprocessing`, which is compared with the processor itself when the network is loaded. A *detector* gets images
from its own processor, one at a time, since padding depends on the others of a batch; labels called N/A stand for no class.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from benchmark.core.errors import MissingWeights, NetworkError
from benchmark.core.messages import cause
from benchmark.plugins.networks.detector import LEAST_SCORE, class_numbers, from_detector
from benchmark.plugins.networks.hub import hub_folder
from benchmark.plugins.networks.network import Network, Preprocessing, from_module
from benchmark.plugins.networks.weights import files_digest

CLASSIFIER, DETECTOR = "ForImageClassification", "ForObjectDetection"
"""How the names of transformers' architectures end."""
INTERPOLATIONS = {0: "nearest", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of kernels, which processors store."""
CONVNEXT_SIDE = 384
"""From this side on, the processor of ConvNeXt does not crop."""
NO_CLASSES = ("N/A", "background", "no-object")
TOLERANCE = 0.01
"""Largest mean difference of an image by two ways of preprocessing, of values in 0..1; antialiasing moves it by .002."""


def hf_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A classifier or detector of transformers.

    Raises:
        MissingWeights: its files are not here, and the hub cannot be reached or has none.
        NetworkError: transformers is not installed, the architecture is for another task, or a classifier's image processor
            does what a `Preprocessing` cannot.
    """
    name = f"hf:{model}"
    try:
        import transformers
    except ImportError as error:
        raise NetworkError(f"{name}: needs transformers; pip install 'utilbench[hf]'") from error
    location = hf_folder(model, download=download)
    weights = hf_digest(location)
    config = transformers.AutoConfig.from_pretrained(location)
    architecture = next(iter(config.architectures or []), "none")
    if not architecture.endswith((CLASSIFIER, DETECTOR)):
        raise NetworkError(f"{name}: its architecture is {architecture}; valid are *{CLASSIFIER} and *{DETECTOR}")
    processor = transformers.AutoImageProcessor.from_pretrained(location)
    auto = f"AutoModel{CLASSIFIER if architecture.endswith(CLASSIFIER) else DETECTOR}"
    module = quietly(getattr(transformers, auto).from_pretrained, location)
    labels = [config.id2label[number] for number in range(config.num_labels)]
    if architecture.endswith(DETECTOR):
        classes = class_numbers(labels, NO_CLASSES)
        return from_detector(name, Detections(module, processor), classes, weights, device=device, together=False)
    prepare = preprocessing_of(processor.to_dict(), name)
    ready = Logits(module, is_bgr=bool(processor.to_dict().get("do_flip_channel_order")))
    check_preprocessing(prepare, processor, name, is_bgr=ready.is_bgr)
    return from_module(name, ready, len(labels), prepare, weights, device=device)


def hf_weights(model: str, folder: Path | None) -> str:
    """Digest of a model's weights on this machine."""
    return hf_digest(hf_folder(model, download=False))


def hf_folder(model: str, *, download: bool) -> Path:
    """The folder on this machine of a repository, or the folder itself.

    Raises:
        MissingWeights: it is not here, and the hub cannot be reached.
    """
    path = Path(model).expanduser()
    if (path / "config.json").is_file():
        return path
    if path.is_dir() or model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise MissingWeights(f"hf:{model}: no file {path.absolute() / 'config.json'}")
    return hub_folder(f"hf:{model}", model, download=download)


def hf_digest(folder: Path) -> str:
    """Digest of all weights in a folder, and of the files that tell architecture and preprocessing.

    Raises:
        MissingWeights: it has no safetensors.
    """
    files = sorted(path.name for path in folder.glob("model*.safetensors"))
    if not files:
        raise MissingWeights(f"{folder}: has no model.safetensors; other formats would be unpickled, which is not done")
    others = ("config.json", "preprocessor_config.json", "processor_config.json")
    return files_digest(folder / files[0], files[1:] + [name for name in others if (folder / name).is_file()])


def quietly(load: Any, location: Path) -> Any:
    """A module from a folder of safetensors, without transformers' progress bars."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        return load(location, use_safetensors=True)
    finally:
        if shown:
            logging.enable_progress_bar()


class Logits(torch.nn.Module):
    """A classifier of transformers that takes RGB and returns its logits alone."""

    def __init__(self, module: torch.nn.Module, *, is_bgr: bool) -> None:
        super().__init__()
        self.module, self.is_bgr = module, is_bgr

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """float32 (N, 3, S, S) -> (N, classes)."""
        logits: torch.Tensor = self.module(pixel_values=images.flip(1) if self.is_bgr else images).logits
        return logits


class Detections(torch.nn.Module):
    """A detector of transformers that answers as those of torchvision do."""

    def __init__(self, module: torch.nn.Module, processor: Any) -> None:
        super().__init__()
        self.module, self.processor = module, processor

    def forward(self, images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        """Images (3, H, W) in 0..1 -> dictionaries of boxes (D, 4) in px, scores (D,) and labels (D,).

        Raises:
            FloatingPointError: a score or box is not finite, which the processor would drop.
        """
        sizes = [(image.shape[1], image.shape[2]) for image in images]
        inputs = self.processor(images=images, do_rescale=False, return_tensors="pt").to(images[0].device)
        outputs = self.module(pixel_values=inputs["pixel_values"], pixel_mask=inputs.get("pixel_mask"))
        if not bool(outputs.logits.isfinite().all() and outputs.pred_boxes.isfinite().all()):
            raise FloatingPointError(f"{type(self.module).__name__} gives values that are not finite")
        answers: list[dict[str, torch.Tensor]] = self.processor.post_process_object_detection(
            outputs, threshold=LEAST_SCORE, target_sizes=sizes
        )
        return answers


def preprocessing_of(choices: dict[str, Any], name: str) -> Preprocessing:
    """The preprocessing that an image processor's choices describe.

    Args:
        choices: what the processor's `to_dict` gives.
        name: the network's name, for errors.

    Raises:
        NetworkError: it cannot be described; the message says what it is.

    Examples:
        >>> preprocessing_of({"size": {"height": 224, "width": 224}, "resample": 3}, "hf:x")
        Preprocessing(resize=224, crop=224, interpolation='bicubic', mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), stretch=True)
    """
    resize, crop, stretch = geometry(choices, name)
    kernel = choices.get("resample", 2)
    if kernel not in INTERPOLATIONS:
        valid = ", ".join(f"{number} ({interpolation})" for number, interpolation in INTERPOLATIONS.items())
        raise NetworkError(f"{name}: its processor has resample {kernel}; valid are {valid}")
    white = 255 * choices.get("rescale_factor", 1 / 255) if choices.get("do_rescale", True) else 255.0
    statistics = choices if choices.get("do_normalize") else {}
    mean = scaled(statistics.get("image_mean") or (0.0, 0.0, 0.0), white)
    std = scaled(statistics.get("image_std") or (1.0, 1.0, 1.0), white)
    if choices.get("include_top"):  # EfficientNet's, which divides by its std again
        red, green, blue = (value * value * white for value in std)
        std = red, green, blue
    return Preprocessing(resize, crop, interpolation=INTERPOLATIONS[kernel], mean=mean, std=std, stretch=stretch)


def geometry(choices: dict[str, Any], name: str) -> tuple[int, int, bool]:
    """Length after resizing and side of the square, in px, and whether proportions are lost, see `preprocessing_of`."""
    size = choices.get("size") or {}
    crop = (choices.get("crop_size") if choices.get("do_center_crop", True) else None) or {}
    short, height, width = (size.get(key) for key in ("shortest_edge", "height", "width"))
    if short and choices.get("crop_pct"):
        return (short, short, True) if short >= CONVNEXT_SIDE else (int(short / choices["crop_pct"]), short, False)
    if short and crop.get("height"):
        return short, crop["height"], False
    if height and height == width:
        return height, crop.get("height") or height, True
    raise NetworkError(f"{name}: its processor resizes to {size} and crops {crop}; valid is what ends in a square")


def scaled(channels: Any, white: float) -> tuple[float, float, float]:
    """Statistics of three channels of values up to `white`, for values in 0..1."""
    red, green, blue = (float(value) / white for value in channels)
    return red, green, blue


def check_preprocessing(prepare: Preprocessing, processor: Any, name: str, *, is_bgr: bool) -> None:
    """Raise NetworkError unless a preprocessing gives what the image processor gives, of an image of smooth spots."""
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional

    spots = torch.rand(3, 6, 9, generator=torch.Generator().manual_seed(0))
    sides = [prepare.resize + 60, prepare.resize + 200]
    image = (functional.resize(spots, sides, InterpolationMode.BILINEAR) * 255).byte()
    try:
        expected = processor(images=[image], return_tensors="pt")["pixel_values"]
    except Exception as error:  # transformers' errors have no common base
        raise NetworkError(f"{name}: its image processor fails at an image ({cause(error)})") from error
    expected = expected.flip(1) if is_bgr else expected
    answer = prepare.normalise([prepare.square(image)], "cpu")
    std = torch.tensor(prepare.std).view(3, 1, 1)
    if answer.shape != expected.shape or not float(((answer - expected) * std).abs().mean()) <= TOLERANCE:
        raise NetworkError(f"{name}: {type(processor).__name__} does more than resize, crop and normalise as {prepare}")
