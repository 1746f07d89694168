"""Bad suites, photographs and annotations: refused in one line by name, or read for exactly what they say."""

import dataclasses
import functools
import json
import tomllib

import numpy as np
from PIL import Image

from benchmark.core.images import decode
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.datasets.coco import COCO
from benchmark.plugins.datasets.coco_annotations import SLACK
from benchmark.suites.loading import FOLDER, load_suite
from tests import test_coco, test_decoding, test_suite
from tests.conftest import TINY, TINY_DET
from tests.hammer.arguments import arguments
from tests.hammer.batch import batch, refused_or
from tests.hammer.mutations import damaged_bytes, damaged_text, damaged_tree, dumped
from tests.hammer.stored import stored

SUITES = [TINY, TINY_DET, test_suite.TEXT, *((FOLDER / f"{name}.toml").read_text() for name in test_suite.SHIPPED)]
KINDS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF", "BMP", "JPEG2000", "PPM", "TGA", "DDS", "ICO")


def suite(folder, inputs, draw):
    """A damaged suite file."""
    path = folder / "mine.toml"
    text = damaged_text(draw, draw.choice(SUITES).replace('\nname = "', '\nname = "my_', 1))
    path.write_text(text, newline="")

    title, loaded = f"suite {text!r}", []

    def accept(read):
        loaded.append(read)
        return unread(path, read)

    tried = refused_or(title, lambda: load_suite(str(path)), accept, str(path))
    if tried.faults or not loaded:
        return tried
    return refused_or(title, lambda: open_dataset(loaded[0].dataset, None), lambda dataset: "")


def unread(path, read):
    """What a suite file says and the suite that was read does not, or an empty text."""
    written, choices = tomllib.loads(path.read_text(encoding="utf-8-sig")), dataclasses.asdict(read)
    for key, value in flat(written).items():
        if (value_read := flat(choices).get(key)) != value:
            return f"{key} is {value}, and was read as {value_read}"
    return ""


def flat(tree, name=""):
    """The leaves of a tree, as texts, by their dotted names; lists are leaves."""
    if isinstance(tree, dict):
        return {key: leaf for part, value in tree.items() for key, leaf in flat(value, f"{name}.{part}").items()}
    return {name: repr(list(tree) if isinstance(tree, tuple) else tree)}


def photograph(folder, inputs, draw):
    """A damaged photograph, of the kinds of the tests or with other damage."""
    if draw.random() < 0.2:
        title = draw.choice(list(test_decoding.DAMAGED))
        data = test_decoding.DAMAGED[title]
    else:
        kind, mode = draw.choice(KINDS), draw.choice(["RGB", "RGB", "L", "RGBA", "P", "I;16", "F", "CMYK", "1"])
        noise = np.frombuffer(draw.randbytes(24 * 32 * 3), np.uint8).reshape(24, 32, 3)
        try:
            title, data = f"{kind} {mode}", test_decoding.file(Image.fromarray(noise).convert(mode), kind)
        except (KeyError, OSError, ValueError):  # this kind has no such mode
            title, data = "JPEG RGB", test_decoding.file(Image.fromarray(noise), "JPEG")
        for _ in range(draw.choice([1, 1, 2, 5])):
            data = damaged_bytes(draw, data)
    return refused_or(
        f"photograph {title}: {data[:2000].hex()}", lambda: decode(data, "damaged"), no_pixels, "damaged: "
    )


def no_pixels(read):
    """Why what was read is no image, or an empty text."""
    return (
        "" if read.dtype == np.uint8 and read.ndim == 3 and read.shape[2] == 3 and read.size else f"gives {read.shape}"
    )


def annotations(folder, inputs, draw):
    """Damaged annotations in COCO's format."""
    (folder / "coco" / "annotations").mkdir(parents=True)
    (folder / "coco" / "val2017").mkdir()
    path = folder / "coco" / "annotations" / "instances_val2017.json"
    tree = draw.choice([test_coco.table(), *(make for make in test_coco.TOOLS.values() if isinstance(make, dict))])
    tree = {key: tree[key] for key in ("images", "annotations", "categories")}
    for _ in range(draw.choice([1, 1, 2])):
        tree = damaged_tree(draw, tree)
    text = dumped(tree)
    path.write_bytes(damaged_bytes(draw, text.encode()) if draw.random() < 0.2 else text.encode())
    for name, size in (("a.png", (60, 40)), ("b.png", (30, 30))):
        Image.new("RGB", size, "red").save(folder / "coco" / "val2017" / name)
    shown = json.dumps({key: tree.get(key) for key in ("images", "annotations")})

    def opened():
        dataset = COCO(folder)
        return [(source, dataset.read(source.id).shape[:2]) for source in dataset.sources()]

    return refused_or(f"annotations {shown}", opened, no_sources, "coco")


def no_sources(read):
    """Why the sources are none that a dataset may give, or an empty text."""
    for source, size in read:
        truth, (height, width) = source.truth, source.truth.size
        boxes = truth.boxes
        if not (
            np.isfinite(boxes).all()
            and (boxes >= -SLACK).all()
            and (boxes <= np.array([width, height, width, height]) + SLACK).all()
        ):
            return f"{source.id}: boxes {boxes.tolist()} of {width} x {height} px"
        if (boxes[:, 2:] <= boxes[:, :2]).any() or not ((truth.classes >= 0) & (truth.classes < 80)).all():
            return f"{source.id}: boxes {boxes.tolist()}, classes {truth.classes.tolist()}"
        if (height, width) != size:
            return f"{source.id}: {width} x {height} px are told, {size[1]} x {size[0]} px there"
    return ""


INPUTS = {
    "suites": (functools.partial(batch, suite), 1),
    "photographs": (functools.partial(batch, photograph), 1),
    "annotations": (functools.partial(batch, annotations), 1),
    "stored files": (stored, 5),
    "arguments": (arguments, 3),
}
"""Families of bad inputs, as `__main__` has them."""
