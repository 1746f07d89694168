"""Advice on a person's own photographs: how levels are chosen and reported, from decisions to the command line."""

import csv
import dataclasses
import io
import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import benchmark
from benchmark.advice.advise import percent
from benchmark.advice.choosing import EVERY, choose, table_of, with_every
from benchmark.advice.conditions import CODECS, LEVELS, tried
from benchmark.advice.grouping import choosing_half, grouped
from benchmark.advice.writing import targets
from benchmark.cli.main import main
from benchmark.core.errors import DataError, NetworkError, PluginError, ResultError, SuiteError
from benchmark.core.images import decode, to_tensor
from benchmark.core.types import Source
from benchmark.labelling import judging
from benchmark.metrics.proportions import share_interval
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.distortions import decoded, encoded, find_distortion
from benchmark.plugins.networks import load
from tests.photographs import crops

CODEC_LEVELS = ["jpeg:90/40/8", "webp:80/20/2"]


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """A folder of 40 letters as PNG files, which the zoo's classifiers read."""
    folder = tmp_path_factory.mktemp("letters")
    dataset = open_dataset({"name": "glyphs", "train": 80, "validation": 40, "test": 40}, None)
    for source in dataset.sources()[-40:]:
        Image.fromarray(dataset.read(source.id)).save(folder / f"{source.id}.png")
    return folder


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A workspace with a cache of its own."""
    return benchmark.Workspace.named(cache=str(tmp_path_factory.mktemp("cache")), device="cpu")


@pytest.fixture(scope="module")
def advice(letters, workspace):
    """Advice for two classifiers on the letters."""
    networks = ["zoo:vgg", "zoo:resnet"]
    return benchmark.advise(letters, networks, codecs=CODEC_LEVELS, keep=0.8, workspace=workspace)


def decisions_of(rng, sources, levels):
    """Random decisions, some of them None, of one network under two codecs."""
    rows = [
        (source, codec, level, None if rng.random() < 0.1 else bool(rng.random() < level / 100))
        for source in sources
        for codec in ("jpeg", "webp@50")
        for level in levels
    ]
    schema = {"source": pl.String, "distortion": pl.String, "level": pl.Int16, "kept": pl.Boolean}
    return pl.DataFrame(rows, schema, orient="row")


@pytest.mark.parametrize("seed", range(5))
def test_the_table_is_that_of_a_plain_loop(seed):
    """Shares, intervals and bytes are those of the half that reports, counted one by one."""
    rng = np.random.default_rng(seed)
    sources = [f"{number}.png" for number in range(20)]
    groups = {source: f"scene {number // 2}" for number, source in enumerate(sources)}
    table, half = decisions_of(rng, sources, (90, 50, 10)), choosing_half(groups)
    images = table.select("source", "distortion", "level").with_columns(
        bits=pl.Series(rng.integers(800, 8000, table.height))
    )
    originals = dict(zip(sources, rng.integers(10_000, 20_000, 20).tolist(), strict=True))
    made = table_of({"net": table}, images, originals, groups, half)
    assert made.height == 6
    for row in made.iter_rows(named=True):
        name = row["codec"] + ("@50" if row["resize"] == 0.5 else "")
        mine = [one for one in table.rows() if one[1:3] == (name, row["level"])]
        kept = [(one[3], groups[one[0]]) for one in mine if one[0] not in half and one[3] is not None]
        share = share_interval(*zip(*kept, strict=True))
        assert (row["kept"], row["low"], row["high"]) == pytest.approx(share)
        chosen = [one[3] for one in mine if one[0] in half and one[3] is not None]
        assert row["kept_when_chosen"] == pytest.approx(np.mean(chosen))
        bits = [b for s, d, level, b in images.rows() if (d, level) == (name, row["level"]) and s not in half]
        assert row["bytes"] == pytest.approx(np.mean(bits) / 8)
        assert row["original_bytes"] == pytest.approx(np.mean([originals[s] for s in sources if s not in half]) / 8)


@given(st.lists(st.sampled_from([0.0, 0.5, 0.9, 1.0, None]), min_size=1, max_size=6), st.sampled_from([0.5, 0.9, 1.0]))
def test_the_lowest_level_is_chosen_from_which_on_all_keep_enough(shares, keep):
    """The choice is what a search from the top down finds, whatever the order of the table."""
    levels = list(range(10, 10 * len(shares) + 10, 10))
    rows = {
        "network": "net", "codec": "jpeg", "resize": 1.0, "level": levels, "kept": 0.5, "low": 0.1, "high": 0.9,
        "photographs": 9, "kept_when_chosen": shares, "bytes": [float(level) for level in levels],
        "original_bytes": 1000.0,
    }  # fmt: skip
    (choice,) = choose(pl.DataFrame(rows, schema_overrides={"kept_when_chosen": pl.Float64}), keep)
    passing = [
        level
        for place, level in enumerate(levels)
        if all(share is not None and share >= keep for share in shares[place:])
    ]
    assert choice.level == (min(passing) if passing else None)
    assert choice.best == bool(passing)


def test_networks_together_keep_what_each_keeps():
    """The row of all networks is their conjunction; what one does not decide, the others do."""
    keys = {"source": ["a", "b", "c", "d"], "distortion": "jpeg", "level": 5}
    first = pl.DataFrame(keys | {"kept": [True, True, None, None]}, schema_overrides={"kept": pl.Boolean})
    second = pl.DataFrame(keys | {"kept": [True, False, False, None]})
    every = with_every({"one": first, "two": second})[EVERY]
    assert every["kept"].to_list() == [True, False, False, None]
    assert EVERY not in with_every({"one": first})


NAMES = {
    "frames of two scenes": ([f"{scene}/frame_{n:03d}.png" for scene in "ab" for n in range(9)], set()),
    "many scenes": ([f"{scene}/frame{n}.png" for scene in "abcdefghijkl" for n in range(4)], set("abcdefghijkl")),
    "photographs with names of their own": ([f"{name}/cat{name}.png" for name in "abcdefghijkl"], set()),
    "numbers without order": ([f"f/{n * n * 37 % 1009}.png" for n in range(30)], set()),
}


@pytest.mark.parametrize(("names", "scenes"), NAMES.values(), ids=NAMES)
def test_folders_of_numbered_frames_are_groups_where_there_are_enough(names, scenes):
    """Folders become groups by themselves only where they hold sequences, and at least ten of them remain."""
    groups = grouped([Source(name, 0) for name in names], "auto")
    assert set(groups.values()) == (scenes or set(names))


def test_a_group_is_never_divided():
    """All photographs of a group are in one half, and both halves have some."""
    groups = {f"{scene}/{n}.png": str(scene) for scene in range(7) for n in range(3)}
    half = choosing_half(groups)
    assert {group for name, group in groups.items() if name in half}.isdisjoint(
        group for name, group in groups.items() if name not in half
    )
    assert 0 < len(half) < len(groups)
    with pytest.raises(DataError, match="all photographs are one group"):
        choosing_half(dict.fromkeys(groups, "one"))
    with pytest.raises(DataError, match="in one folder"):
        grouped([Source("a.png", 0), Source("b.png", 0)], "folder")


def test_copies_of_a_photograph_are_one_group():
    """Copies stay with their original, so that they are not taken as independent."""
    assert grouped([Source("a.png", 0), Source("b.png", 0, copy_of="a.png")], "photograph")["b.png"] == "a.png"


WRONG_CODECS = {
    "an unknown codec": (["gif"], SuiteError, "unknown distortion 'gif'"),
    "a camera fault": (["blur"], SuiteError, "blur is a camera fault, no codec"),
    "a codec twice": (["jpeg", "jpeg:50"], SuiteError, "jpeg is named twice"),
    "a level too many": (["jpeg:90/96"], SuiteError, "'96' is no level; valid are whole numbers from 1 to 95"),
    "no number": (["webp:high"], SuiteError, "'high' is no level"),
}


@pytest.mark.parametrize(("codecs", "error", "message"), WRONG_CODECS.values(), ids=WRONG_CODECS)
def test_a_wrong_codec_is_refused(codecs, error, message):
    """What is wrong with a codec or level is named, with what is valid."""
    with pytest.raises(error, match=message):
        tried(codecs, [1.0])


def test_every_codec_of_the_base_installation_has_eight_valid_levels():
    """Default levels exist, fall, and are the codec's."""
    for choice in tried(CODECS, [1.0, 0.5]):
        levels = LEVELS[choice.name.partition("@")[0]]
        assert choice.levels == levels == tuple(sorted(levels, reverse=True))
        assert len(levels) == 8
        assert set(levels) <= set(find_distortion(choice.name).levels)
    assert len(tried(["avif-speed6", "webp@50"], [1.0])[0].levels) == 8


def test_decisions_are_those_of_a_plain_loop(advice, letters):
    """A decision is kept where a loop over files, Pillow and the network's own forward says so."""
    network = load("zoo:vgg", None)
    codec = find_distortion("webp")

    def decision(image):
        return int(network.answer([to_tensor(image)], "cpu").argmax())

    expected = {}
    for path in sorted(letters.iterdir()):
        image = decode(path.read_bytes(), path.name)
        before = decision(image)
        for level in (80, 20, 2):
            expected[path.name, level] = before == decision(
                decoded(codec, encoded(codec, image, level, path.name), "x")
            )
    rows = advice.decisions["zoo:vgg"].filter(distortion="webp")
    assert {(row["source"], row["level"]): row["kept"] for row in rows.iter_rows(named=True)} == expected
    assert 0 < sum(expected.values()) < len(expected)


def test_what_was_computed_is_not_computed_again(advice, letters, workspace, monkeypatch):
    """The same advice comes from the cache; another network alone is run."""
    asked = []
    forward = judging.judge_images

    def counted(config, judge, *given, **named):
        asked.append(judge.name)
        return forward(config, judge, *given, **named)

    monkeypatch.setattr(judging, "judge_images", counted)
    again = benchmark.advise(letters, ["zoo:vgg", "zoo:nfnet"], codecs=CODEC_LEVELS, keep=0.8, workspace=workspace)
    assert set(asked) == {"zoo:nfnet"}
    mine = again.table.filter(network="zoo:vgg")
    assert mine.equals(advice.table.filter(network="zoo:vgg"))


def test_few_photographs_are_called_few(letters, workspace):
    """Below thirty photographs it is said what they can show."""
    paths = sorted(letters.iterdir())[:10]
    few = benchmark.advise(paths, ["zoo:vgg"], codecs=["jpeg:90"], workspace=workspace)
    assert "With 10 photographs this is a first impression" in "\n".join(few.sentences)
    assert "5 report, which can show no more than that 48 % are kept" in "\n".join(few.sentences)


def test_fewer_pixels_are_conditions_of_their_own(letters, workspace):
    """Reduced photographs cost fewer bytes, and what networks are shown has fewer pixels."""
    both = benchmark.advise(letters, ["zoo:vgg"], codecs=["jpeg:90"], resize=[1.0, 0.5], workspace=workspace)
    whole, half = both.table.sort("resize", descending=True).iter_rows(named=True)
    assert (whole["resize"], half["resize"]) == (1.0, 0.5)
    assert half["bytes"] < whole["bytes"]
    image = np.zeros((33, 64, 3), np.uint8)
    assert decoded(find_distortion("jpeg@50"), encoded(find_distortion("jpeg@50"), image, 90, "x"), "x").shape == (
        16,
        32,
        3,
    )


WRONG_VALUES = {
    "no network": ({"networks": []}, NetworkError, "no network is named"),
    "an unknown network": ({"networks": ["zoo:nothing"]}, NetworkError, "unknown network 'zoo:nothing'"),
    "a share of more than all": ({"keep": 1.5}, SuiteError, "keep is 1.5; it is a share above 0 and at most 1"),
    "no share": ({"resize": [0.0]}, SuiteError, "resize is 0.0"),
    "no photograph": ({"photographs": "gone/"}, DataError, "gone: no such file or folder"),
    "an unknown grouping": ({"group": "day"}, DataError, "no grouping 'day'; there are auto, photograph, folder"),
}


@pytest.mark.parametrize(("given_values", "error", "message"), WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_wrong_values_are_named(letters, workspace, given_values, error, message):
    """A wrong value is refused by name, with what is valid."""
    values = {"photographs": letters, "networks": ["zoo:vgg"], "codecs": ["jpeg:90"]} | given_values
    with pytest.raises(error, match=re.escape(message)):
        benchmark.advise(values.pop("photographs"), values.pop("networks"), workspace=workspace, **values)


def test_one_photograph_is_not_enough(letters, workspace):
    """One photograph cannot both choose and report."""
    with pytest.raises(DataError, match="one photograph tells nothing of others"):
        benchmark.advise(next(letters.iterdir()), ["zoo:vgg"], codecs=["jpeg:90"], workspace=workspace)


def test_damaged_photographs_are_named(letters, workspace, tmp_path):
    """All files that are no images are named at once."""
    for path in letters.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "broken.png").write_bytes(b"no image")
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"broken\.png: not a readable image.*; \S+empty\.jpg: not a readable image"):
        benchmark.advise(tmp_path, ["zoo:vgg"], codecs=["jpeg:90"], workspace=workspace)


def test_paths_are_those_of_the_present_folder(letters, workspace, tmp_path, monkeypatch):
    """Photographs are where a shell finds them, not below the folder of data, whatever is there under the same name."""
    (tmp_path / letters.name).mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / letters.name / "other.png")
    with_data = dataclasses.replace(workspace, data=tmp_path)
    monkeypatch.chdir(letters.parent)
    for given_path in (letters.name, f"{letters.name}/", f"./{letters.name}"):
        made = benchmark.advise(given_path, ["zoo:vgg"], codecs=["jpeg:90/40"], workspace=with_data)
        assert {source.id for source in made.observation.sources} == {path.name for path in letters.iterdir()}


def test_detectors_keep_the_share_of_their_objects_that_is_asked_for(tmp_path, workspace):
    """A detector's decision is kept where it finds enough of its objects again, and those of all sizes add up to them."""
    dataset = open_dataset({"name": "glyph-scenes", "train": 40, "validation": 20, "test": 24}, None)
    for source in dataset.sources()[-24:]:
        Image.fromarray(dataset.read(source.id)).save(tmp_path / f"{source.id}.png")
    shares = {}
    for retained in (0.01, 0.5, 1.0):
        made = benchmark.advise(
            tmp_path, ["zoo:fcos_resnet_wide"], codecs=["jpeg:90/10"], retained=retained, workspace=workspace
        )
        table = made.decisions["zoo:fcos_resnet_wide"]
        again = table.select(pl.sum_horizontal("small again", "medium again", "large again")).to_series()
        objects = table.select(pl.sum_horizontal("small", "medium", "large")).to_series()
        expected = [None if not n else k >= retained * n for k, n in zip(again, objects, strict=True)]
        assert table["kept"].to_list() == expected
        shares[retained] = table["kept"].mean()
    assert shares[0.01] > shares[0.5] > shares[1.0]
    assert made.sizes["kept"].drop_nulls().is_between(0, 1).all()
    assert {"small", "medium", "large"} == set(made.sizes["size"])


@pytest.fixture
def command(letters, workspace, monkeypatch):
    """Runs `utilbench advise` on the letters; returns the exit status."""
    monkeypatch.setenv("UTILBENCH_CACHE", str(workspace.cache))

    def run(*options):
        return main(["advise", str(letters), "--network", "zoo:vgg", "--codec", ",".join(CODEC_LEVELS), *options])

    return run


def test_the_command_prints_one_table_and_one_sentence(command, capsys):
    """The text has a row for each level, marks what is advised, and ends with the advice as a sentence."""
    assert command("--keep", "0.8") == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(" jpeg " in line or " webp " in line for line in lines if "%" in line and ":" not in line) == 6
    assert sum(line.startswith("*") for line in lines) == 1
    sentence = r"zoo:vgg: (jpeg|webp) \d+: [\d.]+ % \([\d.]+ to [\d.]+\) of decisions kept at [\d.]+ % of the bytes"
    assert any(re.match(sentence, line) for line in lines)


def test_the_command_writes_json_csv_figure_and_report(command, capsys, tmp_path):
    """JSON and CSV hold the same rows, figure and report are files of their kind, the report needs nothing else."""
    figure, report = tmp_path / "curves.svg", tmp_path / "report.html"
    assert command("--keep", "0.8", "--json", "--figure", str(figure), "--report", str(report)) == 0
    made = json.loads(capsys.readouterr().out)
    keys = {"network", "codec", "resize", "level", "kept", "low", "high", "bytes", "original_bytes"}
    assert all(keys <= set(row) for row in made["rows"])
    assert [choice["codec"] for choice in made["choices"]] == ["jpeg", "webp"]
    assert command("--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["codec"], int(row["level"])) for row in rows] == [(row["codec"], row["level"]) for row in made["rows"]]
    assert float(rows[0]["kept"]) == pytest.approx(made["rows"][0]["kept"], abs=1e-5)
    assert figure.read_text().startswith("<?xml")
    page = report.read_text()
    assert page.count("<figure>") > 0
    assert set(re.findall(r'(?:src|href)="(\w+):', page)) <= {"data"}
    assert "<script" not in page


def test_names_of_files_do_not_become_markup(letters, workspace, tmp_path):
    """A photograph whose name is markup is shown as text."""
    for path in letters.iterdir():
        (tmp_path / f"<b>{path.name}").write_bytes(path.read_bytes())
    made = benchmark.advise(tmp_path, ["zoo:vgg"], codecs=["webp:2"], keep=0.01, workspace=workspace)
    from benchmark.advice.report import write_report

    write_report(made, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "&lt;b&gt;" in page
    assert "<b><b>" not in page


WRONG_OPTIONS = {
    "no network": (["advise", "x"], "--network"),
    "no share": (["advise", "x", "--network", "zoo:vgg", "--keep", "2"], "'2' is no share"),
    "an empty codec": (["advise", "x", "--network", "zoo:vgg", "--codec", "jpeg,,webp"], "no list with commas"),
    "another figure": (["advise", "x", "--network", "zoo:vgg", "--figure", "a.pdf"], "ends in .png or .svg"),
    "a predictor alone": (["advise", "x", "--network", "zoo:vgg", "--predictor", "header"], "name its folder"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG_OPTIONS.values(), ids=WRONG_OPTIONS)
def test_wrong_options_end_with_status_two(arguments, message, capsys):
    """What is wrong with an option is said in the usage message."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_photographs_are_written_as_they_were_judged(command, letters, tmp_path, capsys):
    """Files have the names of the photographs and the advised codec's bitstreams, and a second run leaves them."""
    folder = tmp_path / "out"
    assert command("--keep", "0.8", "--write", str(folder), "--json") == 0
    made = json.loads(capsys.readouterr().out)
    (best,) = [choice for choice in made["choices"] if choice["best"]]
    files = sorted(folder.iterdir())
    assert [path.stem for path in files] == [path.stem for path in sorted(letters.iterdir())]
    codec = find_distortion(best["codec"])
    for path in files:
        image = decode((letters / f"{path.stem}.png").read_bytes(), path.name)
        assert path.read_bytes() == encoded(codec, image, best["level"], path.name)
    times = [path.stat().st_mtime_ns for path in files]
    assert command("--keep", "0.8", "--write", str(folder)) == 0
    assert [path.stat().st_mtime_ns for path in files] == times
    files[0].write_bytes(b"mine")
    assert command("--keep", "0.8", "--write", str(folder)) == 1
    assert "is there with another content" in capsys.readouterr().err
    assert files[0].read_bytes() == b"mine"


def test_a_predictor_chooses_the_level_of_each_photograph(command, tmp_path, capsys):
    """With a predictor levels differ, and what they cost and keep is told beside the fixed setting."""
    folder = tmp_path / "out"
    assert command("--keep", "0.8", "--write", str(folder), "--predictor", "dct_statistics") == 0
    told = capsys.readouterr().err
    numbers = [float(number) for number in re.findall(r"([\d.]+) bytes a photograph", told)]
    assert len(numbers) == 2
    assert numbers[0] != numbers[1]
    assert "as dct_statistics chooses" in told
    assert len(list(folder.iterdir())) == 40


def test_colour_profiles_and_names_are_kept(tmp_path, workspace):
    """Profiles are written where the format holds them, pixels stay the same, and equal stems keep their endings."""
    from PIL import ImageCms

    from benchmark.advice.writing import fixed_levels, write_photographs

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for number, image in enumerate(crops(64, 1)[:12]):
        Image.fromarray(image).save(tmp_path / f"{number}.png", icc_profile=profile if number % 2 else None)
    Image.fromarray(crops(64, 1)[13]).save(tmp_path / "0.bmp")
    made = benchmark.advise(tmp_path, ["zoo:vgg"], codecs=["webp:90", "jpeg2000:46"], keep=0.01, workspace=workspace)
    for choice in made.choices:
        folder = tmp_path / choice.codec
        written = write_photographs(made, choice, fixed_levels(made, choice), folder)
        holds = choice.codec == "webp"
        assert (written.profiles, written.lost_profiles) == ((6, 0) if holds else (0, 6))
        names = {path.name.partition(".")[0] for path in folder.iterdir()}
        assert names == {str(number) for number in range(12)}
        assert {path.name for path in folder.glob("0.*")} == {
            f"0.{kind}.{written_ending(choice)}" for kind in ("png", "bmp")
        }
        for path in folder.iterdir():
            with Image.open(path) as opened:
                assert bool(opened.info.get("icc_profile")) == (holds and int(path.stem.split(".")[0]) % 2 == 1)
    image = decode((tmp_path / "1.png").read_bytes(), "1.png")
    codec = find_distortion("webp")
    plain = decoded(codec, encoded(codec, image, 90, "1.png"), "1.png")
    assert decode((tmp_path / "webp" / "1.webp").read_bytes(), "1.webp").tolist() == plain.tolist()


def written_ending(choice):
    """The ending of files of a codec."""
    return {"webp": "webp", "jpeg2000": "jp2"}[choice.codec]


def test_nothing_is_written_where_no_level_keeps_enough(letters, workspace, tmp_path):
    """Without an advised level there is no setting to write at."""
    from benchmark.advice.writing import write_advised

    made = benchmark.advise(letters, ["zoo:vgg"], codecs=["webp:2/1"], keep=1.0, workspace=workspace)
    assert "no level that was tried of webp keeps 100 %" in made.sentences[0]
    name, there, other = re.search(
        r"(webp \d) keeps most there, ([\d.]+) %, and ([\d.]+) % on the other", made.sentences[0]
    ).groups()
    row = made.table.filter(level=int(name[-1])).row(0, named=True)
    assert row["kept_when_chosen"] == made.table["kept_when_chosen"].max() < 1
    assert (percent(row["kept_when_chosen"], sign=False), percent(row["kept"], sign=False)) == (there, other)
    with pytest.raises(ResultError, match="nothing is written"):
        write_advised(made, tmp_path / "out", workspace)
    assert not (tmp_path / "out").exists()


@given(st.lists(st.text("ab.", min_size=1, max_size=6), min_size=1, max_size=6, unique=True))
def test_no_two_photographs_are_written_into_one_file(names):
    """Whatever endings their names have, that of the codec among them."""
    names = [f"x/{name}x{ending}" for name in names for ending in (".jpg", ".webp", ".jpg.webp")]
    assert len(set(targets(names, Path("out"), "webp").values())) == len(names)


def test_photographs_are_not_written_where_they_are_read(command, letters, capsys):
    """They would count as photographs the next time."""
    before = sorted(letters.iterdir())
    for folder in (letters, letters / "small"):
        assert command("--keep", "0.8", "--write", str(folder)) == 1
        assert "is a folder of the photographs" in capsys.readouterr().err
    assert sorted(letters.iterdir()) == before


def test_a_missing_extra_is_named(monkeypatch):
    """A codec whose package is not installed is refused before any work."""
    import importlib

    def absent(name, *_):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(PluginError, match="jpegxl"):
        tried(["jpegxl"], [1.0])
