"""What the header and the length of a bitstream say is read from them alone, and what is learned of it is kept."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load, save

from baselines.bits_per_pixel import BitsPerPixel
from baselines.header import Header, features
from benchmark import Context, Example, Examples, Sample
from benchmark.evaluation.dataloading import lesson
from benchmark.plugins.datasets.glyphs import scene
from benchmark.plugins.distortions import encode_jpeg

QUALITIES = (3, 5, 9, 14, 25, 40, 60, 90)


def sized(height, width):
    """A letter, stretched to this size."""
    return np.asarray(Image.fromarray(scene("test", 1)).resize((width, height)))


def encoded(image, file_format):
    """An image in a format of Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, file_format)
    return buffer.getvalue()


def unseen(bitstream):
    """A sample that has no pixels."""
    return Sample(None, bitstream=bitstream)


@pytest.fixture(scope="module")
def learned(tiny):
    """A predictor that learned from the small suite."""
    predictor = Header(Context())
    predictor.fit(*(lesson(tiny, "combined", part, Header) for part in ("train", "validation")))
    return predictor


@pytest.mark.parametrize("quality", [1, 10, 35, 50, 95])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (40, 96), (96, 40)])
def test_features_are_logarithms_of_quality_short_side_area_and_bits(quality, height, width):
    """Of a JPEG whose quality and size are known, the features are what a hand would write."""
    bitstream = encode_jpeg(sized(height, width), quality)
    pixels = height * width
    expected = [quality, min(height, width), pixels, 8 * len(bitstream) / pixels]
    assert features(bitstream) == pytest.approx(np.log(expected))


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "BMP"])
def test_other_formats_have_a_size_and_no_quality(file_format):
    """Where there is no table of quantisation steps, the logarithm of the quality is 0."""
    bitstream = encoded(sized(40, 96), file_format)
    assert features(bitstream) == pytest.approx([0, np.log(40), np.log(3840), np.log(len(bitstream) / 480)])


def test_no_pixel_is_decoded(learned, monkeypatch):
    """An image has its score though it is never decoded, and though the sample has no pixels."""
    bitstream = encode_jpeg(sized(64, 64), 20)
    (seen,) = learned.score([Sample(torch.zeros(3, 64, 64, dtype=torch.uint8), bitstream=bitstream)])
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("pixels were decoded"))
    assert learned.score([unseen(bitstream)]) == [seen]


def test_images_of_one_header_and_length_have_one_score(learned):
    """Two images that differ in nothing but their pixels have the same score."""
    flat = [encode_jpeg(np.full((64, 64, 3), value, np.uint8), 20) for value in (90, 100)]
    length = max(map(len, flat))
    one, other = (stream.ljust(length, b"\0") for stream in flat)
    assert one != other
    first, second = learned.score([unseen(one), unseen(other)])
    assert first == second


def test_a_higher_quality_scores_higher(learned):
    """Trained on the small suite, whose levels go from 3 to 50, it scores an image the higher the higher its quality is."""
    image = scene("test", 7)
    scores = learned.score([unseen(encode_jpeg(image, quality)) for quality in (3, 5, 10, 20, 30, 50)])
    assert scores == sorted(set(scores))


def test_what_lies_beyond_training_counts_as_its_end(learned):
    """An image of a size and length that no image of the training had has the score of the nearest features that one had."""
    model = learned.inner.tensors
    ends = (model["high"] - model["centre"]) / model["scale"] @ model["slope"] + model["offset"][0]
    noise = np.random.default_rng(0).integers(0, 256, (500, 700, 3), np.uint8)
    assert learned.score([unseen(encode_jpeg(noise, 95))]) == pytest.approx([ends])


def test_saved_and_loaded_it_gives_the_same_scores(learned):
    """Scores are the same to the last digit after the state went through a file."""
    samples = [unseen(encode_jpeg(scene("test", number), 25)) for number in range(5)]
    restored = Header(Context())
    restored.load_state(load(save(learned.state())))
    assert restored.score(samples) == learned.score(samples)


def test_training_draws_nothing(tiny, learned):
    """Another seed gives the same scores."""
    again = Header(Context(seed=5))
    again.fit(*(lesson(tiny, "combined", part, Header) for part in ("train", "validation")))
    samples = [unseen(encode_jpeg(scene("test", number), 25)) for number in range(5)]
    assert again.score(samples) == learned.score(samples)


def test_weights_count():
    """A class of ten times the weight raises the scores of every image, since scores are the log odds."""
    streams = [(encode_jpeg(scene("train", number), quality), quality) for number in range(6) for quality in QUALITIES]
    scores = []
    for weight in (1.0, 10.0):
        examples = [
            Example(unseen(stream), int(quality > 20), 0.0, weight if quality > 20 else 1.0, str(place))
            for place, (stream, quality) in enumerate(streams)
        ]
        predictor = Header(Context())
        predictor.fit(Examples.of(examples), Examples.of(examples[:4]))
        scores.append(np.array(predictor.score([unseen(stream) for stream, _ in streams])))
    assert (scores[1] > scores[0]).all()


def test_bits_per_pixel_is_the_length_over_the_area():
    """A stream of 30 bytes for 4 x 5 pixels has 12 bits a pixel, whatever is in it."""
    sample = Sample(torch.zeros(3, 4, 5, dtype=torch.uint8), bitstream=bytes(30))
    assert BitsPerPixel(Context()).score([sample]) == [12.0]
