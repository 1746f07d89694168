import dataclasses
import gc
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import weakref
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from conftest import TINY
from PIL import Image

from benchmark.core.errors import DataError, LabelError, NetworkError, ResultError
from benchmark.core.images import pixel_digest, to_tensor
from benchmark.core.parquet import read_table, write_table
from benchmark.core.types import IMAGE, PRISTINE
from benchmark.core.workspace import Workspace
from benchmark.labelling import judging, shards, temperatures
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.indexed_suite import index_suite
from benchmark.labelling.missing_outcomes import complete
from benchmark.labelling.outcomes import adopt, in_order, read_outcomes
from benchmark.labelling.pipeline import label, with_outcomes
from benchmark.metrics.image_utility import fit_temperature, unanimous
from benchmark.plugins.datasets import DATASETS, open_dataset
from benchmark.plugins.datasets.imagenet import ImageNet
from benchmark.plugins.distortions import DISTORTIONS, decoded, encoded
from benchmark.plugins.networks import load
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import SuiteFolder
from benchmark.suites.spec import COMBINED
from benchmark.suites.splits import split


def files(folder):
    """Names and bytes of all files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def snapshot(stored):
    """Copies of the tables and metadata of stored outcomes."""
    return {name: (table.clone(), dict(metadata)) for name, (table, metadata) in stored.items()}


def same(stored, others):
    """Whether two lots of stored outcomes have the same tables and metadata."""
    return stored.keys() == others.keys() and all(
        table.equals(others[name][0]) and metadata == others[name][1] for name, (table, metadata) in stored.items()
    )


def left_by_labelling(results):
    """Names and bytes of what labelling the small suite leaves in the results, and nothing else may."""
    names = tuple(
        f"tiny/{name}" for name in ("outcomes/", "labels.parquet", "sources.parquet", "suite.json", "agreements.json")
    )
    return {name: data for name, data in files(results).items() if name.startswith(names)}


def elsewhere(tmp_path):
    """Fresh folders for results and cache."""
    return Workspace(
        data=None, networks=None, cache=tmp_path / "cache", results=tmp_path / "results", chosen_device="cpu"
    )


@pytest.fixture
def published(tiny, tiny_workspace, tmp_path):
    """Fresh folders whose results hold the small suite's outcomes."""
    workspace = elsewhere(tmp_path)
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", workspace.results / "tiny" / "outcomes")
    return workspace


def test_an_indexed_suite_holds_no_outcomes_and_runs_nothing(tiny, tiny_file, tmp_path, no_networks):
    """A suite is indexed without results or networks, and has the fingerprint and parts that its ground truth has."""
    workspace = elsewhere(tmp_path)
    indexed = index_suite(load_suite(str(tiny_file)), workspace)
    assert {field.name for field in dataclasses.fields(indexed)} == {"suite", "dataset", "parts", "cache"}
    assert (indexed.fingerprint, indexed.parts) == (tiny.fingerprint, tiny.parts)
    assert indexed.scored_rows.equals(tiny.indexed.scored_rows)
    assert not workspace.results.exists()
    assert not (workspace.cache / "shards").exists()


def test_scored_rows_stand_in_the_order_of_parts_sources_and_levels(tiny):
    """Every predictor scores validation and test at the training levels, then test at the held-out levels."""
    parts = [("validation", "validation", (50, 10, 3)), ("test", "test", (50, 10, 3)), ("held_out", "test", (30, 5))]
    expected = [
        (name, source.id, "jpeg", level)
        for name, part, levels in parts
        for source in tiny.parts[part]
        for level in levels
    ]
    assert tiny.indexed.scored_rows.rows() == expected
    assert tiny.indexed.scored_rows is tiny.indexed.scored_rows


def test_what_is_derived_is_made_once_and_goes_with_its_ground_truth(tiny):
    """Labels are kept by the ground truth that made them, not by the process."""
    truth = dataclasses.replace(tiny)
    assert truth.labels("combined") is truth.labels("combined")
    assert truth.labels("combined") is not tiny.labels("combined")
    reference = weakref.ref(truth)
    del truth
    gc.collect()
    assert reference() is None


def test_outcomes_are_what_the_network_says(tiny):
    """Each recorded outcome equals a forward pass of the one image by hand."""
    network = load("zoo:resnet", None)
    codec = DISTORTIONS["jpeg"]
    for row in tiny.outcomes["zoo:resnet"].sample(12, seed=0).iter_rows(named=True):
        image = tiny.indexed.dataset.read(row["source"])
        if row["distortion"] != PRISTINE.distortion:
            image = decoded(codec, encoded(codec, image, row["level"], "it"), "it")
        batch = network.preprocessing.normalise(network.preprocessing.square(to_tensor(image))[None], "cpu")
        with torch.inference_mode():
            logits = network.forward(batch)[0]
        truth = tiny.indexed.sources[row["source"]].truth
        temperature = tiny.temperatures["zoo:resnet"]
        expected = [logits[truth], logits.max(), logits.logsumexp(0), (logits / temperature).logsumexp(0)]
        found = [row["score_true"], row["score_top"], row["logsumexp"], row["logsumexp_t"]]
        np.testing.assert_allclose(found, expected, atol=2e-4)
        assert row["top"] == int(logits.argmax())


def test_all_that_is_needed_is_recorded_and_nothing_else(tiny):
    """All networks judge the test sources at all levels and validation at those of training, labelling ones training too."""
    training = {PRISTINE, *tiny.suite.training_conditions}
    every = training | set(tiny.suite.held_out_conditions)
    judged = {
        (source.id, *condition)
        for part, conditions in (("validation", training), ("test", every))
        for source in tiny.parts[part]
        for condition in conditions
    }
    lesson = {(source.id, *condition) for source in tiny.parts["train"] for condition in training}
    for name in tiny.suite.all_networks:
        table, expected = tiny.outcomes[name], judged | (lesson if name in tiny.suite.networks.labelling else set())
        assert set(table.select(IMAGE).iter_rows()) == expected
        assert table.height == len(expected)


def test_images_table_holds_bits_and_pixels(tiny):
    """Recorded bits and pixel digests are those of a bitstream made anew."""
    codec = DISTORTIONS["jpeg"]
    for row in tiny.outcomes["images"].filter(pl.col("level") > 0).sample(8, seed=1).iter_rows(named=True):
        bitstream = encoded(codec, tiny.indexed.dataset.read(row["source"]), row["level"], row["source"])
        assert row["bits"] == 8 * len(bitstream)
        assert row["pixels"] == int(pixel_digest(codec.decode(bitstream)), 16)


def test_temperature_is_fitted_on_pristine_training_images(tiny):
    """The recorded temperature is the one that logits of the pristine training images give."""
    network = load("zoo:densenet", None)
    sources = tiny.parts["train"]
    squares = torch.stack([network.preprocessing.square(to_tensor(tiny.indexed.dataset.read(s.id))) for s in sources])
    with torch.inference_mode():
        logits = network.forward(network.preprocessing.normalise(squares, "cpu"))
    expected = fit_temperature(logits.numpy(), [source.truth for source in sources])
    assert tiny.temperatures["zoo:densenet"] == pytest.approx(expected, rel=1e-3)


def test_tables_of_the_same_images_hold_their_names_once(tiny):
    """Networks that judged the same images hold the columns that name them in the same memory, and so do their decisions."""
    judges = tiny.suite.networks.labelling

    def addresses(tables):
        return {table["level"].to_numpy(allow_copy=False).__array_interface__["data"][0] for table in tables}

    assert len(judges) > 1
    assert len(addresses(tiny.outcomes[name] for name in judges)) == 1
    assert len(addresses([tiny.judgement(name) for name in judges])) == 1
    assert len(addresses([tiny.judgement(judges[0]), tiny.labels(COMBINED)])) == 1


def test_combined_labels_are_unanimous(tiny):
    """The combined label is that on which all labelling networks agree."""
    tables = [tiny.labels(name).select(*IMAGE, "label") for name in tiny.suite.networks.labelling]
    both = tables[0].join(tables[1], on=IMAGE, maintain_order="left")
    expected = unanimous([both["label"], both["label_right"]])
    assert tiny.labels("combined")["label"].to_list() == expected.tolist()
    assert set(expected.tolist()) == {-1, 0, 1}


def test_the_satisfied_machine_ratio_leaves_out_the_probe(tiny):
    """It is the share of the labelling and held-out networks whose class of a test image is that of the pristine image."""
    networks = ("zoo:densenet", "zoo:resnet", "zoo:resnext")
    assert tiny.suite.satisfied_networks == networks
    tops = {
        name: {tuple(row[:3]): row[3] for row in tiny.outcomes[name].select(*IMAGE, "top").iter_rows()}
        for name in networks
    }
    for source, *condition, ratio in tiny.satisfied.iter_rows():
        same = [own[source, *condition] == own[source, *PRISTINE] for own in tops.values()]
        assert ratio == pytest.approx(sum(same) / 3)
    assert tiny.satisfied["utility"].n_unique() > 1


def test_detectors_count_where_they_keep_half_of_the_objects(tiny_det):
    """In detection the ratio is the share of detectors that keep at least half of the pristine objects."""
    kept = [
        tiny_det.satisfied.join(tiny_det.judgement(name), on=IMAGE, maintain_order="left")["satisfied"].to_numpy()
        for name in tiny_det.suite.satisfied_networks
    ]
    assert tiny_det.satisfied["utility"].to_list() == pytest.approx(np.mean(kept, axis=0))


def test_the_digest_covers_the_decisions_of_the_probe(tiny):
    """Other classes by the probe are another ground truth, and the same lesson."""
    outcomes = tiny.outcomes["zoo:resnet_wide"]
    distorted = pl.col("distortion") != PRISTINE.distortion
    other = outcomes.with_columns(top=pl.when(distorted).then((pl.col("top") + 1) % 11).otherwise("top").cast(pl.Int16))
    changed = dataclasses.replace(tiny, outcomes=tiny.outcomes | {"zoo:resnet_wide": other})
    assert changed.digest("combined") != tiny.digest("combined")
    assert changed.lesson_digest("combined") == tiny.lesson_digest("combined")


def test_published_outcomes_need_no_network(tiny, tiny_file, published, no_networks):
    """With the outcomes at hand, the same ground truth is had without loading a network."""
    truth = label(load_suite(str(tiny_file)), published)
    assert truth.fingerprint == tiny.fingerprint
    assert truth.digest("combined") == tiny.digest("combined")


def test_killed_and_started_again_ends_with_the_same_bytes(tiny, tiny_file, tiny_workspace, tmp_path):
    """A process killed midway leaves whole shards only, and its successor goes on from them to the same files."""
    program = (
        "import sys; from benchmark.labelling.pipeline import label; from benchmark.suites.loading import load_suite;"
        "from benchmark.core.workspace import Workspace; from pathlib import Path;"
        "label(load_suite(sys.argv[1]), Workspace(None, None, Path(sys.argv[2]), Path(sys.argv[3]), chosen_device='cpu'))"
    )
    workspace = elsewhere(tmp_path)
    command = [sys.executable, "-c", program, str(tiny_file), str(workspace.cache), str(workspace.results)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list(workspace.cache.rglob("shards/*/*.parquet"))) < 5:
        assert process.poll() is None and time.monotonic() < deadline, "it ended or stalled before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    left = set(workspace.cache.rglob("shards/*/[!.]*.parquet"))
    times = {path: path.stat().st_mtime_ns for path in left}
    for path in left:
        read_table(path)
    assert not workspace.results.exists()
    subprocess.run(command, check=True, capture_output=True)
    assert files(workspace.results) == left_by_labelling(tiny_workspace.results)
    assert {path: path.stat().st_mtime_ns for path in left} == times, "a finished shard was done again"


def test_a_new_network_costs_only_itself(tiny, tiny_file, published, monkeypatch, tmp_path):
    """With one more held-out network, only that one is loaded and run."""
    loaded = []

    def counted(name, *rest, **options):
        loaded.append(name)
        return load(name, *rest, **options)

    monkeypatch.setattr("benchmark.labelling.worker.load", counted)
    wider = tmp_path / "tiny.toml"
    wider.write_text(tiny_file.read_text().replace('["zoo:resnext"]', '["zoo:resnext", "zoo:nfnet"]'))
    truth = label(load_suite(str(wider)), published)
    assert loaded == ["zoo:nfnet"]
    assert set(truth.outcomes["zoo:nfnet"]["level"]) == {PRISTINE.level, 50, 30, 10, 5, 3}


def test_completing_leaves_what_was_stored_as_it_was(tiny, published, tmp_path):
    """Missing rows are computed into new outcomes; the given ones stay incomplete."""
    home = SuiteFolder(published.results / "tiny")
    stored = read_outcomes(tiny.indexed, home)
    lacking = {
        name: (table.head(40) if name == "zoo:resnext" else table, about) for name, (table, about) in stored.items()
    }
    before = snapshot(lacking)
    completed = complete(tiny.indexed, lacking, home, workspace=published, execution=ExecutionConfig())
    assert same(lacking, before)
    assert same(completed, stored)


def test_adopting_leaves_what_was_stored_as_it_was(tiny, published, tmp_path):
    """Outcomes of another folder are copied into new ones; the given ones still lack them."""
    own, home = SuiteFolder(tmp_path / "own"), SuiteFolder(published.results / "tiny")
    recorded = read_outcomes(tiny.indexed, home)
    stored = {name: recorded[name] for name in ("images", "zoo:resnet")}
    before = snapshot(stored)
    adopted = adopt(tiny.indexed, stored, own, home, ExecutionConfig())
    assert same(stored, before)
    assert same(adopted, recorded)
    assert own.outcomes("zoo:resnext").is_file()
    assert not own.outcomes("zoo:resnet").exists()


def test_a_limited_suite_has_its_own_folder_and_fingerprint(tiny, tiny_file, published):
    """A quick look neither touches nor equals the full suite."""
    before = files(published.results / "tiny")
    truth = label(load_suite(str(tiny_file), limit=90), published)
    assert truth.fingerprint != tiny.fingerprint
    assert files(published.results / "tiny") == before
    assert (published.results / "tiny-limit90" / "outcomes" / "images.parquet").is_file()


def test_logits_of_one_shard_lie_in_memory_at_once(tiny, tiny_workspace, monkeypatch):
    """Those of all pristine images of ImageNet would be 30 GB; the fit gets those of one network's training images alone."""
    held, names = [], tiny.suite.networks.labelling
    shards = {name: (tiny_workspace.cache / "shards" / name.replace(":", "-")).glob("*.parquet") for name in names}
    files = {
        name: [file for file in sorted(some) if "logits" in pl.read_parquet_schema(file)]
        for name, some in shards.items()
    }
    assert min(map(len, files.values())) > 3

    def read(file):
        assert sum(table() is not None for table in held) <= 1, "another shard is still held"
        table, metadata = read_table(file)
        held.append(weakref.ref(table))
        return table, metadata

    monkeypatch.setattr(temperatures, "read_table", read)
    networks = {name: load(name, None) for name in names}
    fitted = temperatures.fit_temperatures(tiny.indexed, networks, {}, files)
    assert fitted == pytest.approx({name: tiny.temperatures[name] for name in names})  # files are in another order
    worker = SimpleNamespace(config=SimpleNamespace(suite=tiny.suite), networks=networks, temperatures=fitted)
    found = temperatures.with_temperatures(worker, files)
    for name, tables in found.items():
        rows = pl.concat(tables).join(tiny.outcomes[name], on=[*IMAGE, "digest"], suffix="_stored")
        assert "logits" not in rows.columns
        assert rows.height == tiny.indexed.membership.height
        np.testing.assert_allclose(rows["logsumexp_t"], rows["logsumexp_t_stored"], rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_outcomes_stand_in_the_order_of_the_suite(seed, tiny):
    """Parts, sources, distortions with the pristine image first, levels; the first of two rows of an image, none of others'."""
    random = np.random.default_rng(seed)
    sources = list(tiny.indexed.sources)
    kinds = [PRISTINE, ("jpeg", 3), ("jpeg", 10), ("another", 32_767), ("another", 5)]
    images = [(source, *kinds[random.integers(len(kinds))]) for source in random.choice([*sources, "of no suite"], 900)]
    table = pl.DataFrame(images, {"source": pl.String, "distortion": pl.String, "level": pl.Int16}, orient="row")
    found = in_order(table.with_row_index("made"), tiny.indexed)
    known = {image: row for row, image in reversed(list(enumerate(images))) if image[0] in tiny.indexed.sources}
    order = [PRISTINE.distortion, "jpeg", "another"]
    expected = sorted(known, key=lambda image: (sources.index(image[0]), order.index(image[1]), image[2]))
    assert len(expected) < len(images)
    assert found.drop("made").rows() == expected
    assert found["made"].to_list() == [known[image] for image in expected]


def test_twin_shares_outcomes_but_not_labels(tiny, tiny_file, published, no_networks, tmp_path):
    """A twin with other thresholds runs no network, has its own fingerprint and other labels."""
    (tmp_path / "tiny.toml").write_text(tiny_file.read_text())
    twin = tmp_path / "strict.toml"
    twin.write_text('twin_of = "tiny"\nname = "strict"\n[labels]\nhigh = 0.99\nlow = 0.01\ncalibrate = true\n')
    truth = label(load_suite(str(twin)), published)
    assert truth.fingerprint != tiny.fingerprint
    useful = [table.filter(label=1).height for table in (truth.labels("combined"), tiny.labels("combined"))]
    assert useful[0] < useful[1]


def test_calibration_uses_the_fitted_temperature(tiny, tiny_file, published, tmp_path):
    """Calibrated utility follows from logits at the fitted temperature."""
    (tmp_path / "tiny.toml").write_text(tiny_file.read_text())
    twin = tmp_path / "calibrated.toml"
    twin.write_text('twin_of = "tiny"\nname = "calibrated"\n[labels]\nhigh = 0.8\nlow = 0.2\ncalibrate = true\n')
    truth = label(load_suite(str(twin)), published)
    t = truth.temperatures["zoo:resnet"]
    rows = truth.outcomes["zoo:resnet"].with_columns(p=(pl.col("score_true") / t - pl.col("logsumexp_t")).exp())
    pristine = rows.filter(distortion=PRISTINE.distortion).select("source", before="p")
    joined = rows.filter(level=10).join(pristine, on="source").sort("source")
    expected = (joined["p"] - 0.5) / (1.5 - joined["before"])
    found = truth.judgement("zoo:resnet").filter(level=10).sort("source")["utility"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_other_pixels_are_refused(tiny, tiny_file, published):
    """Outcomes recorded with another codec are refused, with both encoders named."""
    path = published.results / "tiny" / "outcomes" / "images.parquet"
    table, metadata = read_table(path)
    changed = table.with_columns(pixels=pl.when(pl.col("level") == 10).then(pl.col("pixels") + 1).otherwise("pixels"))
    write_table(path, changed, metadata | {"encoder": "Pillow 1.0"})
    with pytest.raises(LabelError, match=r"recorded with Pillow 1\.0; this machine's Pillow"):
        label(load_suite(str(tiny_file)), published)


@pytest.mark.parametrize(("key", "value"), [("weights", "0000000000000000"), ("precision", "bf16")])
def test_other_weights_or_precision_do_not_mix(tiny, tiny_file, published, key, value):
    """Missing rows are not added to outcomes of other weights or another precision."""
    path = published.results / "tiny" / "outcomes" / "zoo-resnext.parquet"
    table, metadata = read_table(path)
    write_table(path, table.head(30), metadata | {key: value})
    with pytest.raises(LabelError, match=f"{key} {value}"):
        label(load_suite(str(tiny_file)), published)


def test_truncated_outcomes_are_named(tiny_file, tiny, published):
    """A damaged outcome file is an error with its name."""
    path = published.results / "tiny" / "outcomes" / "zoo-resnet.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ResultError, match=r"zoo-resnet\.parquet: damaged"):
        label(load_suite(str(tiny_file)), published)


class ElevenClasses(ImageNet):
    """Photographs in ImageNet's layout that networks of eleven classes can judge."""

    classes = 11


def test_unreadable_image_is_named_and_nothing_half_written(tmp_path, monkeypatch):
    """A truncated photograph stops labelling with its file's name; no outcome is published."""
    folder = tmp_path / "data" / "imagenet" / "val" / "n01440764"
    folder.mkdir(parents=True)
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 255, (60, 60, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"p{number}.JPEG")
    broken = folder / "p3.JPEG"
    broken.write_bytes(broken.read_bytes()[:400])
    monkeypatch.setitem(DATASETS, "imagenet", lambda data, options: ElevenClasses(data))
    suite = tmp_path / "s.toml"
    suite.write_text(TINY.replace('name = "glyphs"\ntrain = 80\nvalidation = 40\ntest = 60', 'name = "imagenet"'))
    workspace = Workspace(
        data=tmp_path / "data", networks=None, cache=tmp_path / "c", results=tmp_path / "r", chosen_device="cpu"
    )
    with pytest.raises(DataError, match=r"p3\.JPEG: not a readable image"):
        label(load_suite(str(suite)), workspace)
    assert not list(workspace.results.rglob("*.parquet"))


def test_missing_weights_say_where_they_were_looked_for(tiny_file, tmp_path):
    """A network without weights stops labelling before any work is done."""
    suite = tmp_path / "tiny.toml"
    suite.write_text(tiny_file.read_text().replace("zoo:resnext", "onnx:nothing"))
    with pytest.raises(NetworkError, match=r"onnx:nothing: no file nothing\.onnx in"):
        label(load_suite(str(suite)), elsewhere(tmp_path))
    assert not (tmp_path / "cache" / "shards").exists()


def test_suite_in_which_no_row_is_labelled(tiny, tiny_file, published, tmp_path):
    """Thresholds that nothing meets are an error that counts the rows."""
    (tmp_path / "tiny.toml").write_text(tiny_file.read_text())
    twin = tmp_path / "none.toml"
    twin.write_text('twin_of = "tiny"\nname = "none"\n[labels]\nhigh = 1.0\nlow = 0.0\n')
    truth = label(load_suite(str(twin)), published)
    with pytest.raises(LabelError, match="none of the 180 rows of the part test is labelled useful"):
        truth.labelled("combined", "test")


def test_plan_covers_each_pair_once():
    """Every needed (network, source, level) is in exactly one shard; what is known is in none."""
    suite = load_suite("glyphs")
    dataset = open_dataset({"name": "glyphs", "train": 70, "validation": 0, "test": 30}, None)
    parts = split(list(dataset.sources()), suite.split)
    first, then = shards.plan(suite, parts, {})
    triples = [
        (name, source.id, condition)
        for shard in (*first, *then)
        for name in shard.networks
        for source in shard.sources
        for condition in shard.conditions
    ]
    assert len(triples) == len(set(triples))
    counts = {part: len(members) for part, members in parts.items()}
    judged = counts["validation"] * 10 + counts["test"] * 15
    assert len([x for x in triples if x[0] == "zoo:vgg"]) == counts["train"] * 10 + judged
    assert len([x for x in triples if x[0] == "zoo:resnext"]) == judged
    images = [
        (source.id, *condition)
        for members in parts.values()
        for source in members
        for condition in (PRISTINE, *suite.training_conditions, *suite.held_out_conditions)
    ]
    known = pl.DataFrame(images, {name: shards.IMAGES_SCHEMA[name] for name in IMAGE}, orient="row")
    _, later = shards.plan(suite, parts, {"zoo:vgg": known, "images": known})
    assert not any("zoo:vgg" in shard.networks for shard in later)
    lost = parts["test"][-1].id, *suite.training_conditions[3]
    without = known.filter([image != lost for image in known.iter_rows()])
    assert without.height == known.height - 1
    _, later = shards.plan(suite, parts, {"zoo:vgg": without, "images": known})
    [again] = [shard for shard in later if "zoo:vgg" in shard.networks]
    assert lost in [(source.id, *condition) for source in again.sources for condition in again.conditions]


def test_rows_that_a_suite_does_not_need_change_nothing(tiny):
    """What a network judged for an earlier version, as one that labels or at other levels, is in no table and no digest."""
    [held_out, *_], [labelling, *_] = tiny.suite.networks.held_out, tiny.suite.networks.labelling
    own = tiny.outcomes[held_out]
    training = tiny.outcomes[labelling].join(own, on=IMAGE, how="anti").select(own.columns)
    assert training.height
    others = own.filter(pl.col("level") > 0).with_columns(pl.col("level") + 1)
    stored = {
        name: (pl.concat([table, training, others]) if name == held_out else table, {})
        for name, table in tiny.outcomes.items()
    }
    stored = {name: (table, {"temperature": tiny.temperatures.get(name, 1.0)}) for name, (table, _) in stored.items()}
    truth = with_outcomes(tiny.indexed, stored)
    assert truth.outcomes[held_out].equals(own)
    assert truth.digest("combined") == tiny.digest("combined")


@pytest.mark.parametrize("count", [1, 47_999, 48_001, 100_000, 1_281_167, 14_000_000])
def test_files_do_not_grow_in_number_with_the_suite(count):
    """However many sources there are, they make at most so many groups, of whole pieces."""
    most = shards.sources_of_a_shard(count)
    assert most % shards.SOURCES_TOGETHER == 0
    assert -(-count // most) <= shards.MOST_GROUPS
    assert most == shards.SOURCES_TOGETHER or -(-count // (most - shards.SOURCES_TOGETHER)) > shards.MOST_GROUPS


def test_large_shards_are_judged_in_pieces(tiny, tiny_file, tiny_workspace, tmp_path, monkeypatch, caplog):
    """A shard of many sources has few images in memory at once, and gives the same bytes as several small ones.

    All that networks have judged is told at the end, with the share of the time that their forwards took.
    """
    caplog.set_level(logging.INFO, "benchmark")
    together, kept = [], []

    def counted(worker, piece, names):
        assert not any(kept), "the images of the piece before are still there"
        together.append(len(piece.sources))
        kept.append(prepare(worker, piece, names))
        return kept[-1]

    prepare, workspace = judging.prepare, elsewhere(tmp_path)
    monkeypatch.setattr("benchmark.labelling.engines.local.prepare", counted)
    monkeypatch.setattr(shards, "MOST_GROUPS", 4)
    label(load_suite(str(tiny_file)), workspace)
    assert files(workspace.results) == left_by_labelling(tiny_workspace.results)
    assert max(together) == 16 < shards.sources_of_a_shard(180)
    [judged, share] = re.search(
        r"labelled (\d+) image x network in .*; forwards / total: ([\d.]+)", caplog.text
    ).groups()
    assert int(judged) == sum(table.height for name, table in tiny.outcomes.items() if name != "images")
    assert 0 < float(share) < 1
    assert len(files(workspace.cache / "shards")) < len(files(tiny_workspace.cache / "shards"))


def test_augmented_versions_stay_in_training(tiny_file, tmp_path):
    """The paper's augmentation adds labelled versions of training sources only, each judged against its own pristine."""
    suite = tmp_path / "augmented.toml"
    text = (
        tiny_file.read_text()
        .replace("train = 80\nvalidation = 40\ntest = 60", "train = 40\nvalidation = 20\ntest = 30")
        .replace('"tiny"', '"augmented"')
    )
    suite.write_text(text + '[training]\nbalance = "augmentation"\ncopies = 1\n')
    truth = label(load_suite(str(suite)), elsewhere(tmp_path))
    versions = [source for source in truth.indexed.sources.values() if source.parent]
    assert len(versions) == 40
    assert {source.group for source in versions} == {source.id for source in truth.parts["train"] if not source.parent}
    table = truth.labels("combined")
    assert set(table.filter(pl.col("source").str.contains("~aug"))["part"]) == {"train"}
    assert json.loads(truth.suite.choices())["training"]["copies"] == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_compiled_networks_say_the_same(tiny, tiny_file, tiny_workspace, tmp_path):
    """Through the compiler decisions stay, logits change in their last digits, and outcomes say how they were made."""
    workspace = dataclasses.replace(tiny_workspace, cache=tmp_path / "cache", results=tmp_path / "results")
    other = label(load_suite(str(tiny_file)), workspace, execution=ExecutionConfig(compiled=True))
    for name in ("zoo:densenet", "zoo:resnext"):
        one, two = tiny.outcomes[name], other.outcomes[name]
        assert one["top"].equals(two["top"])
        assert (one["score_top"] - two["score_top"]).abs().max() < 1e-3
        assert read_table(workspace.results / "tiny" / "outcomes" / f"{name.replace(':', '-')}.parquet")[1][
            "precision"
        ] == ("float32, compiled")
