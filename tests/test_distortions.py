import io
import re

import numpy as np
import PIL
import pytest
from PIL import Image, JpegImagePlugin

from benchmark.core.errors import DataError
from benchmark.core.images import pixel_digest
from benchmark.plugins.distortions import DISTORTIONS
from benchmark.suites.loading import load_suite, suite_names
from tests.photographs import photograph

JPEG = DISTORTIONS["jpeg"]
ASTRONAUT = photograph("astronaut.png")
PATCH = np.ascontiguousarray(ASTRONAUT[100:116, 200:224])
LEVELS = sorted(
    {level for name in suite_names() for d in [load_suite(name).distortion] for level in d.levels + d.held_out}
)


def opened(level, image=PATCH):
    """The bitstream at a level as Pillow sees it."""
    return Image.open(io.BytesIO(JPEG.encode(image, level)))


@pytest.mark.parametrize("level", JPEG.levels)
def test_every_level_is_a_baseline_jpeg_at_420(level):
    """At each valid level the bitstream is a real JPEG with two quality tables and 4:2:0 chroma, not progressive."""
    bitstream = JPEG.encode(PATCH, level)
    assert bitstream.startswith(b"\xff\xd8")
    assert bitstream.endswith(b"\xff\xd9")
    with opened(level) as image:
        assert image.format == "JPEG"
        assert (image.size, image.mode) == ((24, 16), "RGB")
        assert JpegImagePlugin.get_sampling(image) == 2
        assert {len(table) for table in image.quantization.values()} == {64}
        assert len(image.quantization) == 2
        assert "progressive" not in image.info


def test_level_50_has_the_standards_own_tables():
    """Quality 50 quantises with the example luminance table of the JPEG standard, annex K."""
    with opened(50) as image:
        table = np.array(image.quantization[0]).reshape(8, 8)
    assert table[0].tolist() == [16, 11, 10, 16, 24, 40, 51, 61]
    assert table[7].tolist() == [72, 92, 95, 98, 112, 100, 103, 99]


@pytest.mark.parametrize(("lower", "higher"), [*zip(JPEG.levels, JPEG.levels[1:], strict=False)])
def test_quantisation_gets_finer_with_the_level(lower, higher):
    """No step of the tables grows with quality, and from one level to the next the tables differ or are saturated."""
    with opened(lower) as one, opened(higher) as other:
        for key in one.quantization:
            assert (np.array(one.quantization[key]) >= np.array(other.quantization[key])).all()


@pytest.mark.parametrize("level", LEVELS)
def test_a_round_trip_is_deterministic_and_keeps_shape(level):
    """Encoding twice gives the same bytes, decoding gives uint8 RGB of the size that was encoded."""
    bitstream = JPEG.encode(PATCH, level)
    assert JPEG.encode(PATCH.copy(), level) == bitstream
    decoded = JPEG.decode(bitstream)
    assert (decoded.dtype, decoded.shape) == (np.uint8, PATCH.shape)
    assert pixel_digest(JPEG.decode(bitstream)) == pixel_digest(decoded)


def test_encoding_does_not_change_the_image():
    """The image that is encoded is left as it was."""
    image = PATCH.copy()
    JPEG.encode(image, 5)
    assert (image == PATCH).all()


def test_size_and_fidelity_grow_with_quality_on_a_photograph():
    """On a photograph every suite level costs more bits than the one below it and errs less."""
    streams = [JPEG.encode(ASTRONAUT, level) for level in LEVELS]
    sizes = [len(stream) for stream in streams]
    errors = [np.square(JPEG.decode(stream).astype(int) - ASTRONAUT).mean() for stream in streams]
    assert (np.diff(sizes) > 0).all()
    assert (np.diff(errors) < 0).all()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 3), (9, 1, 3), (17, 15, 3)])
def test_odd_sizes_survive(shape):
    """Sizes that are no multiple of a block come back as they were."""
    assert JPEG.decode(JPEG.encode(np.full(shape, 127, np.uint8), 30)).shape == shape


def test_a_view_is_encoded_as_its_copy():
    """A crop that shares another image's memory encodes to the same bytes as its copy."""
    view = ASTRONAUT[10:60:2, 300:200:-1]
    assert JPEG.encode(view, 40) == JPEG.encode(np.ascontiguousarray(view), 40)


@pytest.mark.parametrize("garbage", [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"not an image", bytes(1000), b"\xff" * 64])
def test_garbage_raises(garbage):
    """What is no image raises DataError."""
    with pytest.raises(DataError, match="not a readable image"):
        JPEG.decode(garbage)


def test_every_truncation_raises_or_still_holds_all_pixels():
    """A bitstream cut anywhere raises DataError, unless only its end mark is gone and the pixels are all there."""
    bitstream = JPEG.encode(PATCH, 40)
    whole = JPEG.decode(bitstream)
    survivors = []
    for length in range(len(bitstream)):
        try:
            decoded = JPEG.decode(bitstream[:length])
        except DataError:
            continue
        survivors.append(length)
        assert (decoded == whole).all(), f"cut at {length} of {len(bitstream)}"
    assert all(length >= len(bitstream) - 2 for length in survivors)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_photograph_raises(share):
    """A photograph of which a part is missing raises instead of being padded with grey."""
    bitstream = JPEG.encode(ASTRONAUT, 50)
    with pytest.raises(DataError, match="not a readable image"):
        JPEG.decode(bitstream[: int(share * len(bitstream))])


def test_encoder_names_versions():
    """The encoder's name holds Pillow's version, libjpeg's version and the chroma sampling."""
    name = JPEG.encoder()
    assert f"Pillow {PIL.__version__}" in name
    assert re.search(r"libjpeg(-turbo)? \d+(\.\d+)*", name)
    assert "4:2:0" in name


def test_the_table_of_distortions_agrees_with_itself():
    """Each distortion is listed under its own name, and every level of every shipped suite is valid for it."""
    assert all(name == distortion.name for name, distortion in DISTORTIONS.items())
    assert set(LEVELS) <= set(JPEG.levels)
