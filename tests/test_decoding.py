"""Decoding photographs of every kind, and encoding those that a codec cannot hold."""

import io
import struct
import warnings

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torchvision.transforms.v2 import functional

from benchmark.core.errors import DataError
from benchmark.core.images import decode, stored_size
from benchmark.plugins.datasets.resized import Resized
from benchmark.plugins.distortions import Distortion, compressed, decoded
from benchmark.plugins.networks.network import LONGEST, Preprocessing, middle

RAMP = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (8, 1))
NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)


def file(image, kind, **options):
    """The bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


DEEP = {
    "I;16 PNG": (RAMP, "PNG"),
    "I;16 TIFF": (RAMP, "TIFF"),
    "I;16 JPEG 2000": (RAMP, "JPEG2000"),
    "I PGM": (RAMP, "PPM"),
    "I TIFF": (RAMP.astype(np.int32), "TIFF"),
    "F to 65,535": (RAMP.astype(np.float32), "TIFF"),
    "F to 255": ((RAMP / 257).astype(np.float32), "TIFF"),
    "F to 1": ((RAMP / 65535).astype(np.float32), "TIFF"),
}


@pytest.mark.parametrize("case", DEEP)
def test_deep_grey_is_scaled(case):
    """A ramp over all values of a kind of grey of more than 8 bits becomes the ramp of 256 levels."""
    values, kind = DEEP[case]
    image = decode(file(Image.fromarray(values), kind), "ramp")
    np.testing.assert_array_equal(image, np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (8, 1, 3)))


@pytest.mark.parametrize("values", [[-1.0, 1.0], [0.0, 65536.0], [0.0, np.nan], [0.0, np.inf], [-5, 3], [0, 70000]])
def test_grey_of_no_defined_scale_is_refused(values):
    """Values below 0, above 65,535 or not finite have no grey level."""
    kind = np.float32 if isinstance(values[0], float) else np.int32
    with pytest.raises(DataError, match=r"odd\.tif: has grey values from .* valid are values from 0 to 65535"):
        decode(file(Image.fromarray(np.array([values], kind)), "TIFF"), "odd.tif")


def test_a_transparent_grey_value_is_white():
    """A grey value of 16 bits that a PNG declares transparent becomes white, others are scaled."""
    data = file(Image.fromarray(RAMP), "PNG", transparency=0)
    image = decode(data, "ramp")
    assert image[0, 0].tolist() == [255] * 3
    assert image[0, 1].tolist() == [1] * 3


TRANSPARENT = [(kind, mode) for kind in ("PNG", "WEBP", "TIFF", "AVIF", "ICO") for mode in ("RGBA", "LA")]
TRANSPARENT += [("GIF", "RGBA"), ("PNG", "P"), ("WEBP", "P"), ("AVIF", "P")]


@pytest.mark.parametrize(("kind", "mode"), TRANSPARENT)
def test_hidden_colours_do_not_show(kind, mode):
    """A transparent pixel is white, whatever colour it hides."""
    image = Image.new("RGBA", (16, 16), (200, 10, 10, 0))
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    assert (decode(file(image, kind, **({"lossless": True} if kind == "WEBP" else {})), "clear") == 255).all()


@pytest.mark.parametrize(("alpha", "red"), [(0, 255), (51, 244), (128, 227), (255, 200)])
def test_alpha_is_composited_on_white(alpha, red):
    """A pixel is its colour and white in the proportion of its alpha; an opaque one is its colour."""
    image = decode(file(Image.new("RGBA", (4, 4), (200, 10, 10, alpha)), "PNG"), "veil")
    assert abs(int(image[0, 0, 0]) - red) <= 1


def test_a_transparent_colour_of_a_png_is_white():
    """The colour that a PNG without alpha declares transparent is white."""
    image = Image.new("RGB", (4, 4), (1, 2, 3))
    image.putpixel((0, 0), (9, 9, 9))
    found = decode(file(image, "PNG", transparency=(1, 2, 3)), "key")
    assert found[0, 0].tolist() == [9, 9, 9]
    assert found[1, 1].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(9))
def test_photographs_are_turned_as_viewers_do(kind, orientation):
    """Each orientation of EXIF is what Pillow's own transposition gives; where it is not asked for, pixels stay as stored."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file(Image.fromarray(NOISE), kind, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(decode(data, "turned"), expected)
    if kind != "TIFF":  # Pillow turns a TIFF when it loads it
        with Image.open(io.BytesIO(data)) as image:
            np.testing.assert_array_equal(decode(data, "stored", upright=False), np.asarray(image))
        assert stored_size(data, "stored") == (20, 30)


def test_damaged_exif_does_not_lose_a_photograph():
    """Metadata that cannot be read leave the pixels as they are stored."""
    data = file(Image.fromarray(NOISE), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\0\x03")
    assert decode(data, "odd.jpg").shape == (20, 30, 3)


def damaged():
    """Damaged files of many kinds, by name: cut at three places, and with bytes of the middle replaced."""
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8))
    cases = {"nothing": b"", "text": b"no image"}
    for kind in (
        "JPEG",
        "PNG",
        "WEBP",
        "AVIF",
        "TIFF",
        "GIF",
        "BMP",
        "DDS",
        "JPEG2000",
        "ICO",
        "PPM",
        "TGA",
        "PCX",
        "QOI",
    ):
        try:
            data = file(image, kind)
        except (KeyError, OSError):  # Pillow does not write this kind here
            continue
        for share in (0.1, 0.4, 0.6):
            cases[f"{kind} cut at {share}"] = data[: int(share * len(data))]
        cases[f"{kind} overwritten"] = data[:40] + b"\xff" * (len(data) - 40)
    cases["DDS of an unknown format"] = b"DDS " + struct.pack("<7I", 124, 0x1007, 4, 4, 0, 0, 0) + b"\0" * 44 + (
        struct.pack("<II4sI4I", 32, 4, b"ABCD", 0, 0, 0, 0, 0) + b"\0" * 20
    )  # fmt: skip
    cases["bomb"] = file(Image.new("1", (1, 1)), "BMP")[:18] + struct.pack("<ii", 30000, 30000) + b"\0" * 40
    return cases


DAMAGED = damaged()


@pytest.mark.parametrize("case", DAMAGED)
def test_whatever_pillow_raises_is_a_data_error(case):
    """A damaged file of any kind is decoded as far as its kind allows, or refused in one line that names it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            assert decode(DAMAGED[case], "damaged").shape[2] == 3
        except DataError as error:
            assert str(error).startswith("damaged: not a readable image (")
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    "error", [RuntimeError, NotImplementedError, SyntaxError, KeyError, MemoryError, OSError, struct.error]
)
def test_every_type_of_error_is_caught(error, monkeypatch):
    """Plug-ins of Pillow raise any type; the message names the file and is one line."""

    def fail(*_):
        raise error("broken\nat offset 7")

    data = file(Image.fromarray(NOISE), "PNG")
    monkeypatch.setattr(Image.Image, "load", fail)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(DataError, match=r"^a\.png: not a readable image \(.*broken.*at offset 7.*\)$"):
        decode(data, "a.png")


def webp(image, level, random):
    """WebP without a declared limit."""
    return file(Image.fromarray(image), "WEBP", quality=level)


@pytest.mark.parametrize("error", [None, OSError("disk"), RuntimeError("x\ny"), ValueError("bad"), MemoryError()])
def test_any_error_of_a_codec_names_photograph_and_codec(error):
    """Whatever an encoder or decoder raises becomes a DataError of one line."""

    def fail(*_):
        raise error

    codec = Distortion("mine", fail if error else webp, fail, lambda: "mine", range(1, 101))
    with pytest.raises(DataError, match=r"^cat: mine cannot encode 16384 x 1 px at level 9 \(\w+(: .+)?\)$"):
        compressed(codec, np.zeros((1, 16_384, 3), np.uint8), 9, photograph="cat")
    if error:
        with pytest.raises(DataError, match=r"^cat: mine cannot decode what it encoded \(\w+(: .+)?\)$"):
            decoded(codec, b"", "cat")


@pytest.mark.parametrize("size", [(375, 500), (500, 375), (20, 320), (224, 224), (30, 31), (320, 20)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_ordinary_images_are_resized_as_a_whole(size, interpolation):
    """Up to a ratio of sides of LONGEST, pixels are those of torchvision's resize and crop."""
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, *size)).astype(np.uint8))
    mode = functional.InterpolationMode(interpolation)
    expected = functional.center_crop(functional.resize(image, [64], interpolation=mode, antialias=True), [56, 56])
    assert torch.equal(Preprocessing(64, 56, interpolation=interpolation).square(image), expected)


@pytest.mark.parametrize("size", [(2, 6000), (6000, 2), (1, 5001), (3, 49)])
def test_long_images_are_cropped_before_they_are_resized(size, monkeypatch):
    """What is resized holds the square that is kept, and is no longer than LONGEST times its width."""
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, *size)).astype(np.uint8))
    cut = middle(image)
    assert max(cut.shape[1:]) in (LONGEST * min(size), LONGEST * min(size) + 1)
    sizes = []
    resize = functional.resize
    monkeypatch.setattr(
        functional, "resize", lambda image, *a, **k: sizes.append(image.shape) or resize(image, *a, **k)
    )
    square = Preprocessing(64, 56).square(image)
    assert square.shape == (3, 56, 56)
    assert sizes == [cut.shape]
    if max(size) < 100:
        monkeypatch.undo()
        whole = functional.center_crop(functional.resize(image, [64], antialias=True), [56, 56])
        assert (square.int() - whole.int()).abs().float().mean() < 4


def test_a_photograph_too_long_for_a_short_side_is_refused():
    """Resizing to one short side does not fill the memory: the message names photograph, size and option."""

    class One:
        classes = 2

        def sources(self):
            return []

        def read(self, source):
            return np.zeros((2, 6000, 3), np.uint8)

    with pytest.raises(DataError, match="line: is 6000 x 2 px, too long for short_side = 256"):
        Resized(One(), 256, name="mine").read("line")
