import io

import numpy as np
import pytest
from PIL import Image

from benchmark.core.images import pixel_digest
from benchmark.plugins.datasets import dead_leaves as module
from benchmark.plugins.datasets.dead_leaves import Draws, Leaves, dead_leaves, fall, paint, spans, texture
from tests.photographs import crops

GOLDEN = {
    ((10, 0), 64): "c67de60e23830fa0",
    ((13, 1199), 64): "cb65f0f0bf096c67",
    ((110, 7), 128): "09cfc77b0aca727e",
    ((113, 299), 128): "553bfa2490abdc61",
    ((1, 2), 16): "bc4979749eaba2de",
}
"""Digests of pictures, taken with NumPy 2.4.6 on x86-64; other pixels are another dataset."""

COUNTS = {64: 200, 128: 100}
"""Number of pictures of each size whose statistics are compared."""


def picture(seed, size=64):
    """A picture as uint8."""
    return dead_leaves(seed, size).astype(np.uint8)


def grey(image):
    """Its lightness."""
    return image @ np.array([0.299, 0.587, 0.114])


def slope(image):
    """Slope of the radially averaged power spectrum over frequency, both as logarithms."""
    size = len(image)
    window = np.outer(np.hanning(size), np.hanning(size))
    power = np.abs(np.fft.fft2((grey(image) - grey(image).mean()) * window)) ** 2
    frequency = np.fft.fftfreq(size) * size
    radius = np.hypot(*np.meshgrid(frequency, frequency)).round().astype(int).ravel()
    mean = np.bincount(radius, power.ravel()) / np.bincount(radius)
    use = np.arange(2, size // 2)
    return np.polyfit(np.log(use), np.log(mean[use] + 1e-9), 1)[0]


def kurtosis(image):
    """Kurtosis of the horizontal differences, 3 for a normal distribution."""
    step = np.diff(grey(image), axis=1)
    return np.mean((step - step.mean()) ** 4) / (step.var() ** 2 + 1e-9)


def flat(image):
    """Share of the horizontal differences that are below two grey levels."""
    return np.mean(np.abs(np.diff(grey(image), axis=1)) < 2)


def gradient(image):
    """Mean logarithm of the horizontal differences."""
    return np.log1p(np.abs(np.diff(grey(image), axis=1))).mean()


def gradients_spread(image):
    """Standard deviation of the logarithm of the horizontal differences."""
    return np.log1p(np.abs(np.diff(grey(image), axis=1))).std()


def contrast(image):
    """Standard deviation of the lightness."""
    return grey(image).std()


def colour(image):
    """Mean difference between the greatest and the least channel."""
    return np.mean(np.ptp(image.astype(int), axis=2))


def bits(quality):
    """The function that gives the bits per pixel as a JPEG of this quality."""

    def measure(image):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=quality)
        return 8 * len(buffer.getvalue()) / image.shape[0] / image.shape[1]

    return measure


MEASURES = {
    "slope": slope, "kurtosis": kurtosis, "flat": flat, "gradient": gradient, "gradients' spread": gradients_spread,
    "contrast": contrast, "colour": colour, "bits at 90": bits(90), "bits at 50": bits(50), "bits at 10": bits(10),
}  # fmt: skip


@pytest.fixture(scope="module", params=COUNTS)
def both(request):
    """For each measure its values for crops of photographs, and for pictures of the same size."""
    size = request.param
    images = crops(size, 10), [picture((5, index), size) for index in range(COUNTS[size])]
    return {name: [np.array([measure(image) for image in one]) for one in images] for name, measure in MEASURES.items()}


@pytest.mark.parametrize("measure", MEASURES)
def test_pictures_resemble_photographs(both, measure):
    """The median picture lies where the middle eight tenths of photographs' crops do."""
    photographs, pictures = both[measure]
    low, high = np.percentile(photographs, [10, 90])
    assert low <= np.median(pictures) <= high


@pytest.mark.parametrize("measure", MEASURES)
def test_pictures_vary(both, measure):
    """The middle eight tenths of pictures spread over a fifth or more of the range of those of photographs."""
    photographs, pictures = (np.diff(np.percentile(values, [10, 90])) for values in both[measure])
    assert pictures >= 0.2 * photographs


@pytest.mark.parametrize("key", GOLDEN)
def test_pictures_have_not_drifted(key):
    """A seed's picture is the one that results were made on."""
    seed, size = key
    assert pixel_digest(picture(seed, size)) == GOLDEN[key]


def test_seeds_have_nothing_in_common():
    """Every seed has its own picture, and the same one each time."""
    pictures = {pixel_digest(picture((pool, index))) for pool in range(4) for index in range(25)}
    assert len(pictures) == 100
    assert {pixel_digest(picture((pool, index))) for pool in range(4) for index in range(25)} == pictures


def test_neighbours_are_not_correlated():
    """Pictures of neighbouring seeds are no more alike than independent ones, of which few correlate by more than a half."""
    values = np.stack([grey(picture((7, index))).ravel() for index in range(60)])
    likeness = np.corrcoef(values)[np.triu_indices(60, 1)]
    assert abs(likeness.mean()) < 0.03
    assert np.mean(np.abs(likeness) > 0.5) < 0.02


@pytest.mark.parametrize("size", [16, 32, 64, 128, 256])
def test_pictures_are_integers_of_the_size(size):
    """A picture is int32 RGB from 0 to 255."""
    image = dead_leaves((1, 2), size)
    assert (image.dtype, image.shape) == (np.int32, (size, size, 3))
    assert image.min() >= 0
    assert image.max() <= 255


@pytest.mark.parametrize("size", [0, 8, 48, -64])
def test_other_sizes_raise(size):
    """A size that is no power of two from 16 on raises and is named."""
    with pytest.raises(ValueError, match=f"size is {size};"):
        dead_leaves((1, 2), size)


def test_half_widths_follow_the_power_law():
    """Half-widths have a density proportional to r**-3 between their limits, as the paper has it for disks."""
    for index in range(40):
        near, far = (
            Draws((9, index)).whole(low, high, 2)[place] for place, (low, high) in enumerate([module.NEAR, module.FAR])
        )
        radius = fall(Draws((9, index)), 1024).radius
        assert near <= radius.min()
        assert radius.max() <= far * 1.0001
        expected = (1 - (near / np.sort(radius)) ** 2) / (1 - (near / far) ** 2)
        gap = np.abs(expected - (np.arange(len(radius)) + 0.5) / len(radius)).max()
        assert gap < 2 / np.sqrt(len(radius))


def one_leaf(straight, radius=12.5, aspect=1.7, across=0.6, down=0.8):
    """A single leaf in the middle of 128 px."""
    values = (np.array([value], np.float32) for value in (radius, aspect, across, down))
    return Leaves(*values, np.array([straight]), np.array([64], np.int32), np.array([64], np.int32))


@pytest.mark.parametrize("straight", [False, True])
@pytest.mark.parametrize("direction", [(0.6, 0.8), (-0.8, 0.6), (0.02, 0.9998), (-0.9998, -0.02)])
def test_a_leaf_covers_what_its_inequality_says(straight, direction):
    """Spans of rows give the pixels of the ellipse or rectangle, except for those within rounding of its outline."""
    leaf = one_leaf(straight, across=direction[0], down=direction[1])
    y, x = np.mgrid[:128, :128] - 64
    u = (x * direction[0] + y * direction[1]) / 12.5
    v = (y * direction[0] - x * direction[1]) / 12.5 * 1.7
    value = np.maximum(np.abs(u), np.abs(v)) if straight else np.hypot(u, v)
    corner = module.MARGIN
    drawn = paint(leaf, 128)[corner:-corner, corner:-corner] == 1
    assert drawn[value < 0.999].all()
    assert not drawn[value > 1.001].any()


def test_rows_that_a_leaf_does_not_reach_are_empty():
    """Above and below an ellipse the span has no pixel."""
    first, last = spans(one_leaf(False), 20)
    assert (last[0, :5] <= first[0, :5]).all()
    assert (last[0, 20] - first[0, 20]) > 10


def test_later_leaves_lie_on_top():
    """Where two leaves overlap, the later one is seen."""
    two = Leaves(*(np.repeat(part, 2) for part in vars(one_leaf(False)).values()))
    corner = module.MARGIN
    assert set(np.unique(paint(two, 128)[corner:-corner, corner:-corner])) == {0, 2}


def test_textures_are_periodic_and_have_no_preferred_value():
    """A texture continues across its edges as where values of its first octave meet inside, and its mean is near zero."""
    fields = [texture(Draws((3, index)), 128) for index in range(20)]
    inside = np.mean([np.abs(np.diff(field, axis=1)[:, 31::32]).mean() for field in fields])
    across = np.mean([np.abs(field[:, 0] - field[:, -1]).mean() for field in fields])
    assert across == pytest.approx(inside, rel=0.25)
    assert abs(np.mean(fields)) < 10


def test_the_light_of_a_picture_is_a_ramp():
    """The ramp rises or falls evenly and changes lightness by at most a third."""
    ramp = module.light(Draws((4, 4)), 64)
    assert len(np.unique(np.sign(np.diff(ramp, axis=0)))) <= 2
    assert ramp.min() / 256 > 0.66
    assert ramp.max() / 256 < 1.34
