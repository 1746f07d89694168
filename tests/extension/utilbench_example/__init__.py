"""A predictor, a source of networks, a dataset and a distortion, added to utilbench from outside."""

import io

import numpy as np
import torch
from PIL import Image, features

from benchmark import Distortion, Network, Predictor, Preprocessing, Source


class Contrast(Predictor):
    """Standard deviation of the pixels."""

    def score(self, samples):
        return [float(sample.image.float().std(correction=0)) for sample in samples]


def brightest(model, folder, device, download):
    """A network that says which half of an image, in so many `model` px, is brighter: left (0) or right (1)."""
    side = int(model)

    def forward(batch):
        left, right = batch[..., : side // 2].mean((1, 2, 3)), batch[..., side // 2 :].mean((1, 2, 3))
        return 20 * torch.stack([left, right], dim=1)

    return Network(f"brightest:{model}", 2, Preprocessing(side, side), f"{side:016d}", logits=True, forward=forward)


class Stripes:
    """Noisy images whose left or right half is a little brighter."""

    classes = 2

    def __init__(self, data, options):
        self.count = options["count"]

    def signature(self):
        return f"stripes {self.count}"

    def sources(self):
        return [Source(id=f"s{number}", truth=number % 2) for number in range(self.count)]

    def content(self, source):
        return self.read(source).tobytes()

    def read(self, source):
        number = int(source[1:])
        random = np.random.default_rng(number)
        image = random.normal(120, 30, (32, 32, 3))
        half = slice(0, 16) if number % 2 == 0 else slice(16, 32)
        image[:, half] += random.random() * 4
        return image.clip(0, 255).astype(np.uint8)

    def bits(self, source):
        return 8 * len(self.content(source))


def encode(image, level, random):
    """WebP at this quality, as fast as it can be."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=level, method=0)
    return buffer.getvalue()


def decode(bitstream):
    """Pixels of a WebP bitstream."""
    with Image.open(io.BytesIO(bitstream)) as image:
        return np.asarray(image.convert("RGB"))


FAST_WEBP = Distortion(
    "fast_webp",
    encode,
    decode,
    lambda: f"WebP {features.version('webp')}, method=0",
    range(1, 101),
    format="WEBP",
    longest_side=16_383,
)
