"""A learned codec comes from a package by its entry point, and everything that other codecs have it has too.

The codec of `tests/extension` is an autoencoder with random weights; no trained one has been run.
"""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from benchmark.core.images import pixel_digest
from benchmark.core.parquet import read_table
from benchmark.core.types import IMAGE
from benchmark.evaluation.rates import read_rates
from benchmark.plugins.distortions import decoded, encoded
from tests.test_registry import EXAMPLE, outside, run

__all__ = ["outside"]  # a fixture
SUITE = "stripes-learned"


@pytest.fixture(scope="module")
def example():
    """The example package, imported here without being installed."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        from utilbench_example import Stripes, learned_codec

        yield Stripes(None, {"count": 120}), learned_codec
    finally:
        sys.path.remove(str(EXAMPLE))


@pytest.fixture(scope="module")
def results(outside):
    """Results of a suite of JPEG and the learned codec, run from the outside by the package's entry points alone."""
    ran = run(outside, "run", "contrast", "bits_per_pixel", "-s", str(EXAMPLE / f"{SUITE}.toml"))
    assert ran.returncode == 0, ran.stderr
    ranked = run(outside, "rank", SUITE)
    assert ranked.returncode == 0, ranked.stderr
    return outside[1] / "results" / SUITE


def test_each_image_has_the_bits_and_the_pixels_of_its_bitstream(results, example):
    """What another process recorded is what the codec makes here: as many bits, and pixels of the same digest."""
    dataset, codec = example
    images, about = read_table(results / "outcomes" / "images.parquet")
    assert "autoencoder" in about["encoder"]
    rows = images.filter(distortion="autoencoder")
    assert set(rows["level"]) == {7, 4, 2, 1}
    for source, level, bits, pixels in rows.select("source", "level", "bits", "pixels").iter_rows():
        bitstream = encoded(codec.AUTOENCODER, dataset.read(source), level, source)
        assert bits == 8 * len(bitstream)
        assert pixels == int(pixel_digest(decoded(codec.AUTOENCODER, bitstream, source)), 16)


def test_its_images_are_judged_and_labelled(results):
    """Each network judges them, and some are useful and some non-useful."""
    labels, _ = read_table(results / "labels.parquet")
    own = labels.filter(distortion="autoencoder")
    assert {0, 1} <= set(own["combined"])
    for name in ("brightest-32", "brightest-16"):
        outcomes, _ = read_table(results / "outcomes" / f"{name}.parquet")
        assert own.join(outcomes, on=IMAGE, how="anti").is_empty()


def test_its_rate_stands_beside_that_of_jpeg(results):
    """Curves of rate and utility, and the board's tables, have the learned codec."""
    rates = read_rates(results / "rates.json")
    assert list(rates.codecs) == ["jpeg", "autoencoder"]
    spent = [point.bits_per_pixel.value for point in rates.codecs["autoencoder"].points]
    assert spent == sorted(spent)
    assert spent[0] < spent[-1]
    assert "| autoencoder |" in (results / "leaderboard.md").read_text()


def test_more_bits_are_closer_to_the_image(example):
    """From level to level the error falls and the bits rise; odd sides are cropped back."""
    dataset, codec = example
    image = dataset.read("s1")[:30, :29]
    errors, bits = [], []
    for level in codec.LEVELS:
        bitstream = encoded(codec.AUTOENCODER, image, level, "s1")
        seen = decoded(codec.AUTOENCODER, bitstream, "s1")
        assert seen.shape == image.shape
        assert seen.dtype == np.uint8
        errors.append(np.square(seen.astype(float) - image).mean())
        bits.append(len(bitstream))
    assert errors == sorted(errors, reverse=True)
    assert bits == sorted(bits)
    assert errors[-1] == pytest.approx((255 * codec.FINEST) ** 2 / 12, rel=0.1)  # that of rounding to the finest step


def test_every_process_makes_the_same_bitstream(example):
    """Processes with one thread and with several make the same bytes."""
    dataset, codec = example
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import torch; torch.set_num_threads(int(sys.argv[2]));"
        "from utilbench_example import Stripes, learned_codec as codec;"
        "sys.stdout.buffer.write(codec.encode(Stripes(None, {'count': 120}).read('s3'), 6, None))"
    )
    here = codec.encode(dataset.read("s3"), 6, None)
    for threads in ("1", "2"):
        made = subprocess.run([sys.executable, "-c", program, str(EXAMPLE), threads], check=True, capture_output=True)
        assert made.stdout == here


def test_the_bits_of_cards_count_the_learned_codec(results):
    """A predictor's card tells what it saves on it."""
    card, _ = read_table(results / "replicates" / "combined" / "contrast.parquet")
    assert {"bits_saved", "auroc"} <= set(card.columns)
    assert card.select(pl.col("bits_saved").is_not_null().any()).item()
