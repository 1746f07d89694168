"""Camera faults against their definitions and against torchvision."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torchvision.transforms.v2 import functional

from benchmark.plugins.distortions import camera_faults as faults
from benchmark.plugins.distortions.strengths import STRENGTHS
from tests.photographs import photograph

CAT = np.ascontiguousarray(photograph("chelsea.png")[40:140, 100:260])
GREYS = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(256, 1, 1, 3)


def generator(seed=0):
    """A generator of its own for each call."""
    return np.random.default_rng(seed)


def test_light_is_that_of_srgb_and_back():
    """Values become the light that the standard says, and the light of each value shows as that value."""
    assert faults.LIGHT[[0, 10, 255]].tolist() == [0, round(10 / 255 / 12.92 * 65_535), 65_535]
    assert abs(int(faults.LIGHT[128]) / 65_535 - 0.21586) < 1e-5
    assert faults.VALUES[faults.LIGHT].tolist() == list(range(256))


@pytest.mark.parametrize("deviation", [0.05, 0.4, 1.0, 2.5, 6.0])
def test_blur_is_the_gaussian_of_torchvision_in_linear_light(deviation):
    """Away from the borders, which the two mirror differently, values differ by one at most, and most not at all."""
    radius = math.ceil(3 * deviation)
    light = torch.from_numpy(faults.LIGHT[CAT].astype(np.float64)).permute(2, 0, 1)
    expected = functional.gaussian_blur(light, [2 * radius + 1] * 2, [deviation] * 2).permute(1, 2, 0).numpy()
    expected = faults.VALUES[np.rint(expected).astype(np.uint16)]
    inside = slice(radius, -radius)
    difference = np.abs(faults.mixed(CAT, faults.gaussian(deviation)).astype(int) - expected)[inside, inside]
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


@pytest.mark.parametrize("weights", [faults.gaussian(2.0), faults.segment(9.0, 0.7), faults.segment(0.3, 2.0)])
def test_means_of_light_are_exact(weights):
    """What the Fourier transforms give is, to the last unit, the sum of integers, borders mirrored, so the same everywhere."""
    image = CAT[:40, :31]
    whole = np.rint(weights * (2**24 / weights.sum())).astype(np.int64)
    whole[tuple(side // 2 for side in whole.shape)] += 2**24 - whole.sum()
    for channel in range(3):
        light = faults.LIGHT[image[..., channel]].astype(np.int64)
        sums = ndimage.convolve(light, whole, mode="reflect")  # SciPy's word for mirrored with the border itself
        expected = faults.VALUES[(sums + 2**23) >> 24]
        np.testing.assert_array_equal(faults.mixed(image, weights)[..., channel], expected)


@pytest.mark.parametrize("name", ["blur", "motion_blur", "downscale"])
def test_a_flat_image_stays(name):
    """What has no detail loses none, at every value and strength."""
    damage = getattr(faults, name)
    for grey in GREYS[::15]:
        flat = np.broadcast_to(grey, (9, 14, 3))
        for strength in STRENGTHS[name].values[::4]:
            assert (damage(flat, strength, generator()) == flat).all()


@pytest.mark.parametrize("length", [0.4, 3.0, 20.0])
def test_a_segment_is_a_line_of_its_length_around_its_centre(length):
    """Mass lies along the direction, is centred, and spreads as a uniform line does; a right angle turns it."""
    weights = faults.segment(length, 0.0)
    radius = len(weights) // 2
    offsets = np.arange(-radius, radius + 1)
    share = weights.sum(0) / weights.sum()
    assert (np.delete(weights, radius, axis=0) == 0).all()
    assert abs(share @ offsets) < 1e-9
    assert share @ offsets**2 == pytest.approx(length**2 / 12, abs=0.6)
    np.testing.assert_allclose(faults.segment(length, math.pi / 2), weights.T, atol=1e-9)


@pytest.mark.parametrize("electrons", [5.0, 100.0, 2000.0])
def test_noise_has_the_variance_of_shot_and_read_noise(electrons):
    """The mean is the number of electrons, the variance that number and the reading's."""
    counts = faults.counted(np.full((400, 400), electrons, np.float32), generator())
    assert counts.mean() == pytest.approx(electrons, abs=5 * math.sqrt(electrons + 4) / 400)
    assert counts.var() == pytest.approx(electrons + 4, rel=0.02)


def test_noise_keeps_the_brightness():
    """Grey in middling noise has its light on average."""
    grey = np.full((200, 200, 3), 128, np.uint8)
    light = faults.LIGHT[faults.noise(grey, 100, generator())].mean()
    assert light == pytest.approx(int(faults.LIGHT[128]), rel=0.01)


@pytest.mark.parametrize("share", [0.6, 0.12])
def test_low_light_keeps_the_root_of_the_brightness(share):
    """Half of the lost stops are given back; the sensor's steps are few where light is little."""
    grey = np.full((200, 200, 3), 128, np.uint8)
    image = faults.low_light(grey, share, generator())
    assert faults.LIGHT[image].mean() == pytest.approx(int(faults.LIGHT[128]) * math.sqrt(share), rel=0.02)
    dark = faults.low_light(grey, STRENGTHS["low_light"].at(1), generator())
    assert 1 < len(np.unique(dark)) < 20


def test_downscaling_is_reduction_and_enlargement_of_torchvision():
    """Both bicubic and antialiased, in the same arithmetic as torchvision's on uint8 but for rounding."""
    small = functional.resize(torch.from_numpy(CAT).permute(2, 0, 1), [50, 80], functional.InterpolationMode.BICUBIC)
    expected = functional.resize(small, [100, 160], functional.InterpolationMode.BICUBIC).permute(1, 2, 0).numpy()
    assert np.abs(faults.downscale(CAT, 0.5, generator()).astype(int) - expected).max() <= 2


@pytest.mark.parametrize("name", STRENGTHS)
def test_strengths_are_ten_and_grow_milder(name):
    """Each table has ten levels, in order, and is about geometric: no step is more than a factor of two."""
    values = np.array(STRENGTHS[name].values)
    assert STRENGTHS[name].levels == range(1, 11)
    ratios = values[1:] / values[:-1]
    ratios = np.maximum(ratios, 1 / ratios)
    assert (ratios > 1.1).all()
    assert (ratios <= 2).all()
    assert len({*np.sign(np.diff(values))}) == 1


@pytest.mark.parametrize("name", ["blur", "motion_blur"])
def test_strengths_of_blur_are_relative_to_the_size(name):
    """An image of twice the size, reduced again, is damaged as the image itself is."""
    damage, strength = getattr(faults, name), STRENGTHS[name].at(3)
    large = CAT.repeat(2, axis=0).repeat(2, axis=1)
    twice = damage(large, strength, generator())
    halved = twice.reshape(100, 2, 160, 2, 3).mean((1, 3))
    assert np.abs(halved - damage(CAT, strength, generator())).mean() < 2
