"""What is not valid on the command line or in a suite file is told in one line, before any work."""

import pytest
from PIL import Image

from benchmark.cli.main import main
from benchmark.core.devices import checked_device
from benchmark.core.errors import BenchmarkError, LabelError, SuiteError
from benchmark.core.types import Source
from benchmark.suites.loading import load_suite
from benchmark.suites.names import RESERVED
from benchmark.suites.spec import SplitChoice
from benchmark.suites.splits import split
from tests.test_suite import TEXT, write

ARGUMENTS = {
    "label glyphs --limit -1": "whole number from 0",
    "label glyphs --limit 1.5": "whole number from 0",
    f"label glyphs --limit {'9' * 5000}": "whole number from 0",
    "label glyphs --device abc": "there are cpu, cuda, cuda:N and mps",
    "label glyphs --device tpu": "there are cpu, cuda, cuda:N and mps",
    "label glyphs --results=": "no path",
    "run chance -s glyphs --seeds -1": "whole number from 0",
    "rank --limit -1": "whole number from 0",
    "rank glyphs --limit x": "whole number from 0",
    "score ssim x.png --keep-bits inf": "no number above 0",
    "score ssim x.png --keep-bits 0": "no number above 0",
    "score ssim x.png --keep-accuracy nan": "no number above 0",
    "score ssim x.png --keep-accuracy 1.5": "at most 1",
    "score ssim x.png --keep-fraction -1": "no number above 0",
    "export glyphs -o=": "no path",
}


@pytest.mark.parametrize("line", ARGUMENTS, ids=lambda line: line[:48])
def test_wrong_usage_ends_with_status_2(line, capsys):
    """The option and what is valid are named, and a long value is cut."""
    with pytest.raises(SystemExit) as end:
        main(line.split())
    assert end.value.code == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert ARGUMENTS[line] in message
    assert len(message) < 250


@pytest.mark.parametrize("name", ["cuda:9", "cuda:99"])
def test_device_that_is_not_there(name, capsys, tmp_path):
    """A device that this machine lacks stops the verb; the message lists those that it has."""
    with pytest.raises(BenchmarkError, match=f"no device '{name}' on this machine; there is cpu"):
        checked_device(name)
    assert main(["check", "chance", "--device", name]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_png_is_not_read_as_jpeg(tmp_path, capsys):
    """A predictor that reads bitstreams of one format says so of a file of another one."""
    Image.new("RGB", (32, 32)).save(tmp_path / "x.png")
    assert main(["score", "jpeg_quality", str(tmp_path / "x.png"), "-s", "imagenet-lite"]) == 1
    assert "x.png: jpeg_quality reads JPEG only, and this is PNG" in capsys.readouterr().err


NAMES = [
    "", " ", ".", "..", "../up", "/absolute", "a/b", "a\\\\b", "a.b", "-a", "two words", "line\\nbreak", "x\\u202ey", "x" * 65,
    "mine-limit48", "glyphs", "Glyphs", "COCO-lite", *RESERVED,
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_invalid_name_of_a_suite(name, tmp_path):
    """A name becomes a folder: nothing but letters, digits, - and _, no name that is taken, none of a quick look."""
    with pytest.raises(SuiteError, match=r"mine\.toml: name is "):
        load_suite(write(tmp_path, TEXT.replace('"letters"', f'"{name}"', 1)))


@pytest.mark.parametrize("title", ["", "  ", "a\\nb", "a\\u001b[31m", "a\\u202eb", "a\\u2028b", "x" * 201])
def test_invalid_title(title, tmp_path):
    """A title is one line without control characters."""
    with pytest.raises(SuiteError, match="one line of at most 200 printable characters"):
        load_suite(write(tmp_path, TEXT.replace('"Letters"', f'"{title}"', 1)))


VALUES = {
    ("version = 1", "version = 0"): "version is 0; the first is 1",
    ("version = 1", "version = -3"): "version is -3",
    ("version = 1", f"version = {'9' * 5000}"): "not TOML",
    ("version = 1", f"version = {'[' * 5000}"): "not TOML",
    ("low = 0.1", "low = 0.95"): r"0 <= low <= high <= 1",
    ("high = 0.9", "high = nan"): r"0 <= low <= high <= 1",
    ("high = 0.9", "high = inf"): r"0 <= low <= high <= 1",
    ("train = 0.7", "train = nan"): "add up to 1",
    ("train = 0.7", "train = -0.3\nseed = 1"): "add up to 1",
    ("train = 0.7\nvalidation = 0.1", "train = 0.8\nvalidation = 0.0"): "above 0",
    ("test = 0.2", "test = 0.2\nseed = -1"): "seed is -1",
}


@pytest.mark.parametrize("change", VALUES, ids=lambda change: change[1][:30])
def test_invalid_value_of_a_suite(change, tmp_path):
    """Out of range, or no number at all."""
    with pytest.raises(SuiteError, match=VALUES[change]):
        load_suite(write(tmp_path, TEXT.replace(*change, 1)))


def test_byte_order_mark_is_accepted(tmp_path):
    """Windows editors write one."""
    path = tmp_path / "letters.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert load_suite(str(path)).name == "letters"


TWIN = 'twin_of = "{}"\nname = "{}"\n'


@pytest.mark.parametrize(
    "files", [{"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "a"}, {"a": "b", "b": "glyphs"}, {"a": "a"}]
)
def test_nested_and_circular_twins(files, tmp_path):
    """A twin names a suite that is none; otherwise the message does."""
    for name, other in files.items():
        write(tmp_path, TWIN.format(other, f"{name}-own"), name)
    with pytest.raises(SuiteError, match=r"is itself a twin|is a twin of itself"):
        load_suite(str(tmp_path / "a.toml"))


@pytest.mark.parametrize("other", ["../glyphs", "/etc/passwd", ""])
def test_twin_of_no_name(other, tmp_path):
    """`twin_of` is a name and no path."""
    with pytest.raises(SuiteError, match="twin_of: name is"):
        load_suite(write(tmp_path, TWIN.format(other, "own")))


def test_limit_is_checked_before_work():
    """Too many sources, or too few for a part; the message says which limit would do, and it does."""
    sources, choice = [Source(id=f"s{number}", truth=0) for number in range(100)], SplitChoice(0.7, 0.1, 0.2)
    with pytest.raises(LabelError, match="more than the 100 sources"):
        split(sources, choice, limit=101)
    with pytest.raises(LabelError, match=r"fewer than 2 sources; --limit (\d+) is the smallest") as error:
        split(sources, choice, limit=5)
    least = int(str(error.value).split("--limit ")[2].split()[0])
    assert min(map(len, split(sources, choice, limit=least).values())) == 2
    with pytest.raises(LabelError, match=f"--limit {least} "):
        split(sources, choice, limit=least - 1)
