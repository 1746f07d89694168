"""Statistics of the DCT tell from the pixels what the bitstream says, and what JPEG left."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.fft import dctn

from baselines import dct_statistics
from baselines.jpeg_quality import luminance_table
from baselines.jpeg_statistics import JPEGStatistics, from_bitstreams
from benchmark import Context, Sample
from benchmark.plugins.datasets.glyph_scenes import scene
from benchmark.plugins.datasets.glyphs import scene as letter
from benchmark.plugins.distortions import encode_jpeg

QUALITIES = (3, 5, 9, 14, 25, 40, 60, 90)


def compressed(pixels, quality):
    """A sample with its bitstream."""
    stream = encode_jpeg(pixels, quality)
    with Image.open(io.BytesIO(stream)) as image:
        return Sample(torch.from_numpy(np.array(image)).permute(2, 0, 1), bitstream=stream)


def wide(number):
    """Four letters side by side: 64 x 256 px, so that there are blocks enough."""
    return np.concatenate([letter("test", 4 * number + place) for place in range(4)], axis=1)


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_table_is_told_from_the_pixels(quality):
    """Of photographs with letters, the estimated table is that in the bitstream."""
    samples = [compressed(wide(number), quality) for number in range(5)]
    right = 0
    for sample in samples:
        plane = dct_statistics.luminance(sample.image)
        coefficients = dctn(dct_statistics.blocks(plane - 128), axes=(2, 3), norm="ortho")
        table = dct_statistics.estimated_table(coefficients, sample.image)
        right += (table == luminance_table(sample.bitstream).reshape(8, 8)).all()
    assert right >= 4


def test_features_from_pixels_are_those_from_the_bitstream():
    """Where the table is told right, only the bits per pixel are more."""
    sample = compressed(wide(1), 25)
    (known,), (told,) = from_bitstreams([sample]), dct_statistics.from_pixels([sample])
    assert len(known) == len(told) + 1
    assert np.delete(known, 3) == pytest.approx(told)
    assert known[3] == pytest.approx(np.log(8 * len(sample.bitstream) / (64 * 256)))


def test_blocks_are_where_the_encoder_has_them():
    """Block (i, j) is the square of 8 px from (8 i, 8 j) on."""
    plane = np.arange(24 * 40).reshape(24, 40)
    tiles = dct_statistics.blocks(plane)
    assert tiles.shape == (3, 5, 8, 8)
    assert (tiles[1, 4] == plane[8:16, 32:40]).all()


def test_edges_are_steps_at_and_within_blocks():
    """An image of flat blocks has steps at their borders only."""
    flat = np.kron(np.random.default_rng(0).integers(0, 255, (4, 6)), np.ones((8, 8)))
    at, within = dct_statistics.edges(flat)
    assert at == pytest.approx(sum(np.abs(np.diff(flat[::8, ::8], axis=axis)).mean() for axis in (0, 1)))
    assert within == 0


def test_it_learns_what_compression_leaves():
    """Trained on a utility that falls with quality and contrast, its scores of other images fall with both."""
    from benchmark import Example, Examples

    samples = [(compressed(wide(number), quality), quality) for number in range(12) for quality in QUALITIES]
    answers = [
        Example(sample, int(quality > 20), float(np.log(quality) + sample.image.float().std() / 20), 1.0, place)
        for place, (sample, quality) in enumerate(samples)
    ]
    some = Examples.of(answers)
    for kind in (dct_statistics.DCTStatistics, JPEGStatistics):
        predictor = kind(Context())
        predictor.fit(some, some)
        photograph = scene("test", 1)
        photograph = photograph if isinstance(photograph, np.ndarray) else photograph[0]
        scores = predictor.score([compressed(photograph, quality) for quality in QUALITIES])
        assert np.corrcoef(scores, np.log(QUALITIES))[0, 1] > 0.9
        faint = (photograph.astype(float) - photograph.mean()) * 0.3 + photograph.mean()
        pair = predictor.score([compressed(image.astype(np.uint8), 25) for image in (faint, photograph)])
        assert pair[0] < pair[1]
