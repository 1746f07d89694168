"""Every distortion keeps the same promises; the families below are tables of distortions against properties."""

import io
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint

import numpy as np
import PIL
import pytest
from PIL import Image, JpegImagePlugin

from benchmark.core.errors import DataError, PluginError, SuiteError
from benchmark.core.images import image_format
from benchmark.plugins import registry
from benchmark.plugins.distortions import DISTORTIONS, compressed, decoded, encoded, find_distortion
from benchmark.plugins.distortions.camera_faults import CAMERA_FAULTS
from benchmark.plugins.distortions.codecs import AVIF, CODECS, JPEG2000, SUBSAMPLED, WEBP
from benchmark.plugins.distortions.extra_codecs import HEIC, JPEGLI, JPEGXL, MOZJPEG, X265
from benchmark.suites.loading import load_suite, suite_names
from tests.distortion_digests import digests
from tests.photographs import photograph
from tests.tracked import ROOT

JPEG = DISTORTIONS["jpeg"]
ASTRONAUT = photograph("astronaut.png")
PATCH = np.ascontiguousarray(ASTRONAUT[100:116, 200:224])
PHOTOGRAPHS = {"astronaut": ASTRONAUT[40:136, 160:288], "coffee": photograph("coffee.png")[100:196, 200:328]}
LEVELS = sorted(
    {level for name in suite_names() for d in load_suite(name).distortions for level in d.levels + d.held_out}
)
EXTRAS = {"jpegxl": "jpegxl", "heic": "codecs", "mozjpeg": "codecs", "jpegli": "codecs"}
"""The extra that a codec is in."""
FAULTS = [fault.name for fault in CAMERA_FAULTS]
DRAWN = ("motion_blur", "noise", "low_light")
"""What depends on seed and source."""


def installed(name):
    """Whether the extra of a codec is here."""
    try:
        return bool(DISTORTIONS[name].encoder())
    except PluginError:
        return False


def available(name):
    """The distortion of this name; the test is skipped where its extra is not installed."""
    if not installed(name):
        pytest.skip(f"{name} needs pip install 'utilbench[{EXTRAS[name]}]'")
    return DISTORTIONS[name]


def every(names=DISTORTIONS):
    """Parametrises a test by the name of a distortion."""
    return pytest.mark.parametrize("name", list(names))


def middle(distortion):
    """The level in the middle of a distortion's levels."""
    return distortion.levels[len(distortion.levels) // 2]


@pytest.fixture(scope="module")
def elsewhere():
    """The digests of all available distortions, made by another process on one core."""
    names = [name for name in DISTORTIONS if installed(name)]
    command = [sys.executable, "-m", "tests.distortion_digests", *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@every()
def test_bytes_and_pixels_repeat_in_other_processes_and_threads(name, elsewhere):
    """Four threads at once, all cores of this process and one core of another give the same bytes and pixels."""
    available(name)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: digests([name])[name], range(4)))
    assert answers == [elsewhere[name]] * 4


@every()
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (17, 31)])
def test_odd_sizes_and_the_order_of_channels_survive(name, shape):
    """What is decoded is uint8 of the size that was encoded, and a brown image is as brown as before."""
    distortion = available(name)
    brown = np.full((*shape, 3), (200, 90, 20), np.uint8)
    image = decoded(distortion, encoded(distortion, brown, distortion.levels[-1], "brown"), "brown")
    assert (image.dtype, image.shape) == (np.uint8, brown.shape)
    assert np.abs(image.reshape(-1, 3).mean(0) - (200, 90, 20)).max() < 25


@every()
def test_a_higher_level_is_better(name):
    """From level to level the mean PSNR of photographs grows; codecs spend more bits on it."""
    distortion = available(name)
    bits, fidelity = [], []
    for level in distortion.levels[:: len(distortion.levels) // 5 if distortion.kind == "codec" else 1]:
        streams = {key: encoded(distortion, image, level, key) for key, image in PHOTOGRAPHS.items()}
        errors = [
            np.square(decoded(distortion, streams[key], key).astype(float) - image).mean()
            for key, image in PHOTOGRAPHS.items()
        ]
        bits.append(sum(map(len, streams.values())))
        fidelity.append(-np.log10(errors).mean())
    assert (np.diff(fidelity) > 0).all(), fidelity
    assert distortion.kind == "camera fault" or (np.diff(bits) > 0).all(), bits


@every()
def test_the_image_stays_and_a_view_is_as_its_copy(name):
    """Encoding leaves the image as it was; a crop that shares another image's memory gives the bytes of its copy."""
    distortion, view = available(name), ASTRONAUT[10:60:2, 300:200:-1]
    copy = np.ascontiguousarray(view)
    level = middle(distortion)
    assert encoded(distortion, view, level, "a crop") == encoded(distortion, copy, level, "a crop")
    assert (copy == view).all()


@every()
def test_levels_that_are_none_are_refused(name):
    """A level below the lowest or above the highest gives one line with photograph, distortion and the valid levels."""
    distortion = DISTORTIONS[name]
    low, high = distortion.levels[0], distortion.levels[-1]
    for level in (low - 1, high + 1, -low):
        message = f"cat: {name} cannot encode 24 x 16 px at level {level}; valid are levels {low} to {high}"
        with pytest.raises(DataError, match=f"^{message}$"):
            encoded(distortion, PATCH, level, "cat")


LIMITED = [name for name, distortion in DISTORTIONS.items() if distortion.longest_side < sys.maxsize]


@every(LIMITED)
@pytest.mark.parametrize("turned", [False, True])
def test_a_photograph_beyond_the_limit_is_named(name, turned):
    """The message names photograph, distortion, size and limit; nothing is encoded."""
    distortion = DISTORTIONS[name]
    size = (1, distortion.longest_side + 1)
    height, width = size[::-1] if turned else size
    limit = f"a side may have at most {distortion.longest_side} px"
    message = f"long: {name} cannot encode {width} x {height} px at level {distortion.levels[0]}; {limit}"
    with pytest.raises(DataError, match=f"^{message}$"):
        encoded(distortion, np.zeros((height, width, 3), np.uint8), distortion.levels[0], "long")


@every(["jpeg", "jpeg444", "webp", "avif", "mozjpeg"])
def test_the_limit_is_that_of_the_library(name):
    """A side of the limit goes to and fro, one more does not (with jpegli it would end the process)."""
    distortion, level = available(name), 30
    for shape in [(1, distortion.longest_side, 3), (distortion.longest_side, 1, 3)]:
        bitstream = encoded(distortion, np.zeros(shape, np.uint8), level, "long")
        assert decoded(distortion, bitstream, "long").shape == shape
    with pytest.raises(Exception, match=r"broken data|encoder error|exceeds|not a readable|writing spatial"):
        distortion.decode(distortion.encode(np.zeros((1, distortion.longest_side + 1, 3), np.uint8), level, None))


def test_what_x265_refuses_is_named():
    """HEVC has no one limit: the encoder's own refusal is one line with the photograph's name."""
    with pytest.raises(DataError, match=r"^long: heic cannot encode 8192 x 1 px at level 30 \(RuntimeError: .*\)$"):
        encoded(available("heic"), np.zeros((1, 8192, 3), np.uint8), 30, "long")


PARAMETERS = {
    "jpeg": SUBSAMPLED,
    "jpeg444": {**SUBSAMPLED, "subsampling": "4:4:4"},
    "webp": WEBP,
    "avif": AVIF,
    "jpeg2000": JPEG2000,
    "jpegxl": JPEGXL,
    "heic": {**HEIC, **X265},
    "mozjpeg": MOZJPEG,
    "jpegli": JPEGLI,
}


@every()
def test_encoders_are_described_by_versions_and_parameters(name):
    """The line names libraries with versions and every parameter; that of a fault has all its strengths."""
    distortion = available(name)
    line = distortion.encoder()
    assert re.search(r"\w+ \d+\.\d+", line)
    assert "\n" not in line
    if distortion.kind == "codec":
        assert all(f"{key}={value}" in line for key, value in PARAMETERS[name].items())
        assert f"Pillow {PIL.__version__}" in line or name == "heic"
    else:
        assert f"NumPy {np.__version__}" in line
        assert "then quality=90, subsampling=4:2:0" in line
        assert len(re.findall(r"(?<= )[\d.]+(?= |;)", line.split("; ")[1] + ";")) == len(distortion.levels)


SIGNATURES = {"HEIF": b"ftypheic"}


@every()
def test_the_format_is_what_pillow_calls_the_bitstream(name):
    """Each distortion's format is that of its bitstreams; Pillow knows HEIF only where pillow-heif is registered."""
    distortion = available(name)
    bitstream = encoded(distortion, PATCH, middle(distortion), "a patch")
    assert image_format(bitstream) == distortion.format or SIGNATURES[distortion.format] in bitstream[:16]


def test_the_table_of_distortions_agrees_with_itself():
    """Each distortion is under its own name, kinds are as they are grouped, and suites' levels are valid for JPEG."""
    assert all(name == distortion.name for name, distortion in DISTORTIONS.items())
    assert {name for name, distortion in DISTORTIONS.items() if distortion.kind == "camera fault"} == set(FAULTS)
    assert [*DISTORTIONS] == [*(codec.name for codec in CODECS), *EXTRAS, *FAULTS]
    assert set(LEVELS) <= set(JPEG.levels)


@pytest.mark.parametrize("name", EXTRAS)
def test_a_missing_extra_is_named(name, monkeypatch):
    """Without its package a codec gives one line that names the extra, at every step that needs it."""
    for module in ("pillow_jxl", "pillow_heif", "jpeglib", "ajpegli"):
        monkeypatch.setitem(sys.modules, module, None)
    distortion = DISTORTIONS[name]
    message = rf"^the codec {name} needs \w+ \(.+\); pip install 'utilbench\[{EXTRAS[name]}\]'$"
    with pytest.raises(PluginError, match=message):
        distortion.encoder()
    with pytest.raises(PluginError, match=message):
        encoded(distortion, PATCH, 30, "a patch")
    if distortion.format != "JPEG":  # which Pillow decodes
        with pytest.raises(PluginError, match=message):
            decoded(distortion, b"", "a patch")


@every(codec.name for codec in CODECS)
def test_a_pillow_without_a_codec_is_named(name, monkeypatch):
    """A Pillow that was built without a library gives one line, at every step that needs it."""
    monkeypatch.setattr("benchmark.plugins.distortions.codecs.features.check", lambda feature: False)
    message = rf"^the codec {name} needs Pillow with \w+; Pillow [\d.]+ here was built without it$"
    with pytest.raises(PluginError, match=message):
        DISTORTIONS[name].encoder()
    with pytest.raises(PluginError, match=message):
        encoded(DISTORTIONS[name], PATCH, 30, "a patch")


@every(["jpeg", "avif", *FAULTS])
def test_randomness_follows_from_seed_and_source_alone(name):
    """The same seed and source give the same bytes, in any order; what draws differs for others, what does not is the same."""
    distortion = DISTORTIONS[name]

    def stream(source, seed):
        sample = compressed(
            distortion, PHOTOGRAPHS["coffee"], middle(distortion), needs={"bitstream"}, photograph=source, seed=seed
        )
        return sample.bitstream

    first, others = stream("cat", 0), [stream("dog", 0), stream("cat", 1)]
    assert stream("cat", 0) == first
    assert [other != first for other in others] == [name in DRAWN] * 2


@pytest.mark.parametrize(
    ("value", "message"),
    [(len, "is <built-in function len>, no Distortion"), (JPEG, "calls itself 'jpeg'; both names must be the same")],
)
def test_a_bad_plug_in_is_refused(value, message, monkeypatch):
    """An entry point that is no Distortion, or one of another name, is an error with its name."""
    point = EntryPoint("mine", "package:MINE", "utilbench.distortions")
    monkeypatch.setattr(EntryPoint, "load", lambda self: value)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    find_distortion.cache_clear()
    with pytest.raises(PluginError, match=f"^the distortion 'mine' {message}$"):
        find_distortion("mine")


def test_a_plug_in_that_takes_one_of_our_names_is_refused(monkeypatch):
    """An unknown distortion is refused with all names; a package that also calls its own one `webp` is named."""
    find_distortion.cache_clear()
    with pytest.raises(SuiteError, match=r"^unknown distortion 'jpegg'; near: jpeg, .*; valid are jpeg, .*downscale"):
        find_distortion("jpegg")
    point = EntryPoint("webp", "package:WEBP", "utilbench.distortions")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    with pytest.raises(PluginError, match=r"entry point 'webp' .* the name is taken"):
        find_distortion("jpegg")


def opened(level, image=PATCH):
    """The bitstream at a level as Pillow sees it."""
    return Image.open(io.BytesIO(encoded(JPEG, image, level, "a patch")))


@pytest.mark.parametrize("level", JPEG.levels)
def test_every_level_is_a_baseline_jpeg_at_420(level):
    """At each valid level the bitstream is a real JPEG with two quality tables and 4:2:0 chroma, not progressive."""
    bitstream = encoded(JPEG, PATCH, level, "a patch")
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
    """No step of the tables grows with quality, and from one level to the next the tables differ."""
    with opened(lower) as one, opened(higher) as other:
        assert one.quantization != other.quantization
        for key in one.quantization:
            assert (np.array(one.quantization[key]) >= np.array(other.quantization[key])).all()


@pytest.mark.parametrize("name", ["jpeg", "jpeg444"])
@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
def test_pixels_of_a_jpeg_are_pillows(name, photograph):
    """At every level, sides of any remainder modulo a block, simplejpeg decodes the pixels that Pillow decodes."""
    distortion = find_distortion(name)
    for level in distortion.levels:
        image = PHOTOGRAPHS[photograph][level % 16 : level % 16 + 33 + level % 7, : 40 + level % 17]
        bitstream = encoded(distortion, np.ascontiguousarray(image), level, photograph)
        with Image.open(io.BytesIO(bitstream)) as opened_image:
            expected = np.asarray(opened_image)
        np.testing.assert_array_equal(distortion.decode(bitstream), expected)


@pytest.mark.parametrize("garbage", [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"not an image", bytes(1000), b"\xff" * 64])
def test_garbage_raises(garbage):
    """What is no image raises DataError."""
    with pytest.raises(DataError, match="not a readable image"):
        JPEG.decode(garbage)


def test_every_truncation_raises_or_still_holds_all_pixels():
    """A bitstream cut anywhere raises DataError, unless only its end mark is gone and the pixels are all there."""
    bitstream = encoded(JPEG, PATCH, 40, "a patch")
    whole = JPEG.decode(bitstream)
    survivors = []
    for length in range(len(bitstream)):
        try:
            survivor = JPEG.decode(bitstream[:length])
        except DataError:
            continue
        survivors.append(length)
        assert (survivor == whole).all(), f"cut at {length} of {len(bitstream)}"
    assert all(length >= len(bitstream) - 2 for length in survivors)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_photograph_raises(share):
    """A photograph of which a part is missing raises instead of being padded with grey."""
    bitstream = encoded(JPEG, ASTRONAUT, 50, "astronaut")
    with pytest.raises(DataError, match="not a readable image"):
        JPEG.decode(bitstream[: int(share * len(bitstream))])
