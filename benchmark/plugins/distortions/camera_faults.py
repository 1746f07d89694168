"""Faults of a camera, each followed by JPEG at quality 90, as a camera would send it.

    blur          out of focus: each pixel becomes the Gaussian mean of its neighbours
    motion_blur   the camera moved along a line, whose direction is random, while it exposed
    noise         few photons and much gain: brightness stays, shot and read noise show
    low_light     too little light: fewer photons, noise, coarse quantisation, and a picture that stays dark
    downscale     digital zoom: few pixels, enlarged again, so that size and objects' boxes stay as they were

Light mixes linearly, so the first four happen in linear light, of which IEC 61966-2-1 (sRGB) says how values show it. The
colours' sensors are taken as independent; there is no demosaicing.

The same pixels come out on every processor as far as that is possible: light and weights are integers, and the sums that
Fourier transforms make of them are rounded to the integers that they are; the noise is computed in float32 element by element.
What could differ are the normal numbers of another version of NumPy and, rarely, those of another C library far in the tails;
so versions are recorded. Strengths are in `strengths`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.images import Pixels
from benchmark.plugins.distortions.codecs import JPEG_SIDE, SUBSAMPLED, decode_jpeg, described, encode_jpeg, libjpeg
from benchmark.plugins.distortions.distortion import Distortion
from benchmark.plugins.distortions.strengths import STRENGTHS, Strengths

KERNELS = 1
"""Version of the functions below; other pixels need another number, since it is part of what bitstreams are kept under."""
QUALITY = 90
"""JPEG's quality after each fault."""
WHITE = 65_535
"""White in linear light."""
WEIGHT_BITS = 24
"""Weights of neighbours are integers that sum to two to this power."""
READ_NOISE = 2.0
"""Standard deviation, in electrons, of what reading a pixel adds."""
FULL_WELL = 4000
"""Electrons that white holds in good light."""
STEP = 2
"""Electrons between two values of the sensor's converter, which has no gain of its own."""


def linear_light() -> NDArray[np.uint16]:
    """The linear light, 0 to WHITE, of each value of sRGB; shape (256,)."""
    values = np.arange(256) / 255
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.rint(light * WHITE).astype(np.uint16)


def shown_values() -> NDArray[np.uint8]:
    """The value of sRGB of each linear light; shape (WHITE + 1,)."""
    light = np.arange(WHITE + 1) / WHITE
    values = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(values * 255).astype(np.uint8)


LIGHT, VALUES = linear_light(), shown_values()


def gaussian(deviation: float) -> NDArray[np.float64]:
    """Weights of a Gaussian of this standard deviation in px, cut at three of them; shape (2 r + 1, 2 r + 1).

    Examples:
        >>> gaussian(1.0).shape
        (7, 7)
    """
    radius = math.ceil(3 * deviation)
    line = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    return np.outer(line, line)


def segment(length: float, angle: float) -> NDArray[np.float64]:
    """Weights of a line of this length in px around the centre, in this direction in radians; shape (2 r + 1, 2 r + 1)."""
    radius = math.ceil(length / 2) + 1
    weights = np.zeros((2 * radius + 1, 2 * radius + 1))
    steps = np.linspace(-length / 2, length / 2, 16 * radius + 1)
    rows, columns = radius + steps * math.sin(angle), radius + steps * math.cos(angle)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    for down in (0, 1):
        for right in (0, 1):
            share = (1 - abs(rows - top - down)) * (1 - abs(columns - left - right))
            np.add.at(weights, (top + down, left + right), share)
    return weights


def mixed(image: Pixels, weights: NDArray[np.float64]) -> Pixels:
    """The image (uint8 (H, W, 3)) with each pixel's light the weighted mean of its neighbours', mirrored at the borders.

    The weights, of odd height and width, become integers; sums of integers are exact on every processor.
    """
    from scipy import fft  # here, since most commands blur nothing, and it takes long to import

    whole = np.rint(weights * (2**WEIGHT_BITS / weights.sum()))
    rows, columns = whole.shape[0] // 2, whole.shape[1] // 2
    whole[rows, columns] += 2**WEIGHT_BITS - whole.sum()
    height, width = image.shape[:2]
    size = fft.next_fast_len(height + 2 * rows, real=True), fft.next_fast_len(width + 2 * columns, real=True)
    spectrum = fft.rfft2(whole, size)
    result = np.empty_like(image, order="C")
    for channel in range(3):
        padded = np.pad(LIGHT[image[..., channel]], ((rows, rows), (columns, columns)), mode="symmetric")
        sums = fft.irfft2(fft.rfft2(padded.astype(np.float64), size) * spectrum, size, overwrite_x=True)
        light = np.rint(sums[2 * rows : 2 * rows + height, 2 * columns : 2 * columns + width]).astype(np.int64)
        result[..., channel] = VALUES[(light + 2 ** (WEIGHT_BITS - 1)) >> WEIGHT_BITS]
    return result


def blur(image: Pixels, strength: float, random: np.random.Generator) -> Pixels:
    """The image out of focus."""
    return mixed(image, gaussian(strength * min(image.shape[:2])))


def motion_blur(image: Pixels, strength: float, random: np.random.Generator) -> Pixels:
    """The image of a camera that moved in a direction that is drawn."""
    return mixed(image, segment(strength * min(image.shape[:2]), random.uniform(0, math.pi)))


def counted(electrons: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Electrons that a sensor counts: shot and read noise as one Gaussian of both variances (Foi et al., 2008)."""
    deviation = np.sqrt(electrons + np.float32(READ_NOISE**2))
    return electrons + deviation * random.standard_normal(electrons.shape, np.float32)


def displayed(light: NDArray[np.float32]) -> Pixels:
    """Linear light, of which WHITE is white, as values of sRGB."""
    return VALUES[np.rint(light).clip(0, WHITE).astype(np.uint16)]


def noise(image: Pixels, strength: float, random: np.random.Generator) -> Pixels:
    """The image with the noise of a sensor of which white fills so many electrons, as bright as before."""
    scale = np.float32(strength / WHITE)
    return displayed(counted(LIGHT[image] * scale, random) / scale)


def low_light(image: Pixels, strength: float, random: np.random.Generator) -> Pixels:
    """The image when so small a share of the light is left.

    The sensor counts in whole steps; then half of the lost stops are given back, as automatic exposure does that keeps a
    night dark: the picture has the square root of the share of its brightness.
    """
    scale = np.float32(FULL_WELL * strength / WHITE)
    electrons = np.rint(counted(LIGHT[image] * scale, random) / np.float32(STEP)) * np.float32(STEP)
    return displayed(electrons * np.float32(math.sqrt(strength)) / scale)


def downscale(image: Pixels, strength: float, random: np.random.Generator) -> Pixels:
    """The image reduced to this share of its sides and enlarged again, both bicubic in Pillow's integers."""
    height, width = image.shape[:2]
    small = (max(1, round(width * strength)), max(1, round(height * strength)))
    reduced = Image.fromarray(image).resize(small, Image.Resampling.BICUBIC)
    return np.asarray(reduced.resize((width, height), Image.Resampling.BICUBIC))


def described_fault(strengths: Strengths) -> str:
    """Versions and parameters of a fault and the JPEG after it, as one line."""
    values = " ".join(f"{value:g}" for value in strengths.values)
    sensor = f"read noise {READ_NOISE:g}, full well {FULL_WELL}, step {STEP}, weights of {WEIGHT_BITS} bits"
    libraries = f"NumPy {np.__version__}, Pillow {PIL.__version__}, {libjpeg()}"
    after = {"then quality": QUALITY, **SUBSAMPLED}
    return described(f"kernels {KERNELS}, {sensor}; {strengths.unit} {values}; {libraries}", after)


def camera_fault(name: str, damage: Callable[[Pixels, float, np.random.Generator], Pixels]) -> Distortion:
    """The fault of this name in the table of strengths; `damage` maps image, strength and generator to an image."""
    strengths = STRENGTHS[name]

    def encode(image: Pixels, level: int, random: np.random.Generator) -> bytes:
        return encode_jpeg(damage(image, strengths.at(level), random), QUALITY)

    return Distortion(
        name,
        encode,
        decode_jpeg,
        lambda: described_fault(strengths),
        strengths.levels,
        format="JPEG",
        kind="camera fault",
        is_slow=True,
        longest_side=JPEG_SIDE,
    )


CAMERA_FAULTS = (
    camera_fault("blur", blur),
    camera_fault("motion_blur", motion_blur),
    camera_fault("noise", noise),
    camera_fault("low_light", low_light),
    camera_fault("downscale", downscale),
)
