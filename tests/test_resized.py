"""Images at one short side: pixels, identity, what is refused, and the suite that is made of them."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import InterpolationMode, Resize

from benchmark.core.errors import SuiteError
from benchmark.core.images import png_bits, with_short_side
from benchmark.core.types import PRISTINE
from benchmark.core.workspace import Workspace
from benchmark.evaluation.label_measures import size_thirds
from benchmark.labelling.indexed_suite import index_suite
from benchmark.labelling.outcomes import read_outcomes
from benchmark.labelling.pipeline import label, recorded_truth
from benchmark.plugins.datasets import index, open_dataset
from benchmark.plugins.datasets.imagenet import WNIDS
from benchmark.suites.loading import FOLDER, load_suite
from benchmark.suites.results_folder import SuiteFolder
from tests.tracked import ROOT

SIZES = {"cat": (300, 500), "dog": (640, 480), "owl": (40, 64)}
"""Height and width of the photographs of a small ImageNet, in px."""
SIDE = {"short_side": 64}
PAIR = ("imagenet-lite", "imagenet-lite-256")


def noise(height, width, seed=0):
    """Pixels without any structure, on which every difference between two ways of resizing shows."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A data folder with an ImageNet of three photographs."""
    data = tmp_path_factory.mktemp("data")
    for wnid, (name, size) in zip(WNIDS.read_text().split(), SIZES.items(), strict=False):
        folder = data / "imagenet" / "val" / wnid
        folder.mkdir(parents=True)
        Image.fromarray(noise(*size)).save(folder / f"{name}.png")
    return data


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The committed ground truth of imagenet-lite and of its version at one short side."""
    workspace = Workspace(None, None, tmp_path_factory.mktemp("cache"), ROOT / "results")
    return {name: recorded_truth(load_suite(name), workspace) for name in PAIR}


@pytest.mark.parametrize("size", [(300, 500), (500, 300), (257, 257), (256, 900), (40, 61), (1000, 257)])
def test_pixels_are_those_of_torchvision(size):
    """Resizing up or down, upright or not, gives torchvision's bicubic `Resize` of a Pillow image to the last pixel."""
    image = noise(*size)
    expected = Resize(256, InterpolationMode.BICUBIC)(Image.fromarray(image))
    np.testing.assert_array_equal(with_short_side(image, 256), np.asarray(expected))


@settings(max_examples=50)
@given(height=st.integers(1, 400), width=st.integers(1, 400), side=st.integers(1, 64))
def test_the_short_side_is_exact_and_the_shape_is_kept(height, width, side):
    """The shorter side has the length asked for; the longer one is what keeps the shape, less a fraction of a pixel."""
    resized = with_short_side(np.zeros((height, width, 3), np.uint8), side)
    assert min(resized.shape[:2]) == side
    longer = side * max(height, width) / min(height, width)
    assert longer - 1 < max(resized.shape[:2]) <= longer
    assert (resized.shape[0] >= resized.shape[1]) == (height >= width) or resized.shape[0] == resized.shape[1]


def test_an_image_of_that_size_is_left_alone():
    """What has the short side already is returned as it is."""
    image = noise(64, 90)
    assert with_short_side(image, 64) is image


def test_the_resized_image_is_the_pristine_one(photographs):
    """It is read at one short side, enlarged if need be, and costs as many bits as its PNG; ids and classes stay."""
    original, resized = (open_dataset({"name": "imagenet", **options}, photographs) for options in ({}, SIDE))
    assert resized.sources() == original.sources()
    assert resized.classes == original.classes
    for name in SIZES:
        image = resized.read(name)
        assert min(image.shape[:2]) == 64
        np.testing.assert_array_equal(image, with_short_side(original.read(name), 64))
        assert resized.bits(name) == png_bits(image)


def test_each_short_side_is_another_dataset(photographs, tmp_path):
    """Signatures, contents and digests differ between the photographs and each short side, in one cache too."""
    choices = ({"name": "imagenet"}, *({"name": "imagenet", "short_side": side} for side in (64, 65)))
    datasets = [open_dataset(choice, photographs) for choice in choices]
    assert len({dataset.signature() for dataset in datasets}) == 3
    assert len({dataset.content("owl") for dataset in datasets}) == 3
    digests = [source.digest for dataset in datasets for source in index(dataset, tmp_path)]
    assert len(set(digests)) == len(digests) == 9
    again = [source.digest for choice in choices for source in index(open_dataset(choice, photographs), tmp_path)]
    assert again == digests


WRONG = [0, -256, 31, 4097, 10**12, True, False, "256", 256.0, float("nan"), [256], {}, ""]


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_a_wrong_short_side_is_refused(value):
    """Whatever is no sensible number of px is an error that names dataset, option, value and what is valid."""
    with pytest.raises(SuiteError) as caught:
        open_dataset({"name": "imagenet", "short_side": value}, None)
    expected = f"dataset imagenet: short_side is {value!r}; valid are whole numbers from 32 to 4096, in px"
    assert str(caught.value) == expected


@pytest.mark.parametrize("value", ["0", "true", '"256"', "1e3", "-1"])
def test_a_suite_with_a_wrong_short_side_is_refused(value, photographs, tmp_path):
    """The same holds for a suite file, before anything is read or computed."""
    path = tmp_path / "mine.toml"
    text = (FOLDER / "imagenet-lite-256.toml").read_text().replace("short_side = 256", f"short_side = {value}")
    path.write_text(text.replace('"imagenet-lite-256"', '"mine"', 1))
    with pytest.raises(SuiteError, match=r"short_side is .*; valid are whole numbers from 32 to 4096"):
        label(load_suite(str(path)), Workspace(photographs, None, tmp_path / "cache", tmp_path / "results"))


def test_boxes_are_not_resized():
    """A dataset of boxes has no such option, and says why."""
    counts = {"train": 4, "validation": 4, "test": 4}
    with pytest.raises(SuiteError, match="dataset glyph-scenes: has no option short_side, since its boxes"):
        open_dataset({"name": "glyph-scenes", "short_side": 64, **counts}, None)


def test_letters_can_be_enlarged():
    """Every dataset of classes has the option, not those of photographs alone."""
    dataset = open_dataset({"name": "glyphs", "train": 10, "validation": 0, "test": 10, "short_side": 96}, None)
    assert dataset.read("train-00003").shape == (96, 96, 3)
    assert {source.pool for source in dataset.sources()} == {"train", "test"}


def test_the_suite_differs_from_imagenet_lite_in_size_alone():
    """All choices but name, title and short side are those of imagenet-lite."""
    ours, theirs = (json.loads(load_suite(name).choices()) for name in reversed(PAIR))
    assert ours["dataset"] == theirs["dataset"] | {"short_side": 256}
    assert {key for key in ours if ours[key] != theirs[key]} == {"name", "dataset"}
    assert "256 px" in load_suite("imagenet-lite-256").title


def test_the_suite_has_the_sources_classes_and_parts_of_imagenet_lite(recorded):
    """Each committed source stands in the same part with the same class, and has another digest."""
    theirs, ours = (recorded[name].parts for name in PAIR)
    for part, sources in theirs.items():
        assert [(source.id, source.truth) for source in ours[part]] == [(source.id, source.truth) for source in sources]
    digests = [{source.digest for sources in parts.values() for source in sources} for parts in (theirs, ours)]
    assert len(digests[0] | digests[1]) == 2000


def test_all_images_of_the_suite_have_one_short_side(recorded):
    """Recorded images are 256 px on the shorter side, pristine and compressed; those of imagenet-lite are not."""
    sides = {
        name: truth.outcomes["images"].select(pl.min_horizontal("height", "width")).to_series().unique()
        for name, truth in recorded.items()
    }
    assert sides["imagenet-lite-256"].to_list() == [256]
    assert len(sides["imagenet-lite"]) > 100


@pytest.mark.parametrize(("name", "size"), [("imagenet-lite", min), ("imagenet-lite-256", np.prod)])
def test_thirds_are_of_the_short_side_or_of_the_pixels(name, size, recorded):
    """Images of a lower third are smaller: in their short side, or in their number of pixels where short sides are equal."""
    truth = recorded[name]
    images = truth.outcomes["images"].filter(distortion=PRISTINE.distortion)
    sizes = {source: int(size(sides)) for source, *sides in images.select("source", "height", "width").iter_rows()}
    thirds = [[sizes[source] for source, third in size_thirds(truth).items() if third == number] for number in range(3)]
    assert sum(map(len, thirds)) == len(truth.parts["test"])
    assert min(map(len, thirds)) >= 40
    assert max(thirds[0]) < min(thirds[1])
    assert max(thirds[1]) < min(thirds[2])


def test_outcomes_of_other_sizes_are_never_used(imagenet_data, tmp_path):
    """What is recorded of imagenet-lite has no row that would count for its version at one short side, and conversely."""
    indexed = {name: index_suite(load_suite(name), Workspace(imagenet_data, None, tmp_path, tmp_path)) for name in PAIR}
    for ours, theirs in (PAIR, PAIR[::-1]):
        tables = read_outcomes(indexed[ours], SuiteFolder(ROOT / "results" / theirs))
        assert len(tables) == 7
        assert {table.height for table, _ in tables.values()} == {0}
