"""A datasheet and a Croissant file for each suite with results, made from its choices and its tables.

    python -m tests.datasheets      # writes results/<suite>/datasheet.md and results/<suite>/croissant.json

Datasheets follow Gebru et al., *Datasheets for Datasets* (2021); Croissant is the format of MLCommons (version 1.0, with its
vocabulary for responsible AI), which search engines and loaders of datasets read.
"""

import hashlib
import json
import sys

import mlcroissant as mlc
import polars as pl

from benchmark.suites.loading import read_suite
from benchmark.suites.results_folder import SuiteFolder
from tests.finding_records import RESULTS
from tests.tracked import tracked

LICENSE = "https://creativecommons.org/licenses/by/4.0/"
PAPER = (
    "Khan, Valenzise, Chetouani, Dufaux: Towards an Image Utility Assessment Framework for Machine Perception. EUSIPCO 2022. "
    "doi:10.23919/eusipco55093.2022.9909664"
)
PHOTOGRAPHS = {
    "glyphs": "Letters in fonts on generated grounds, drawn by this package; no photograph and no person.",
    "glyph-scenes": "Scenes of letters on generated grounds, drawn by this package; no photograph and no person.",
    "imagenet": (
        "Photographs of ImageNet, under its terms for research; not part of the repository. Those of the lite suites are "
        "probably training images, which networks may have learned from. People appear in some."
    ),
    "coco": (
        "Photographs of COCO (from Flickr, under Creative Commons licences of their authors); not part of the repository. "
        "Some are of train2017, which networks may have learned from. People appear in many."
    ),
    "open": (
        "Photographs under CC-BY from Flickr, with author and address each; not part of the repository. Networks were not "
        "trained on them. People appear in some."
    ),
}
"""Dataset -> what its pictures are, for the datasheet."""
LIMITS = (
    "Labels are what the labelling networks decide: they hold the biases of these networks, and leave out images on which they "
    "disagree or are unsure. An image that is useful to networks may be useless to people, and conversely."
)
USES = (
    "To develop and compare predictors of image utility, codecs and rules of compression for machines. Not to judge people in "
    "the photographs, and not to tell whether an image is good for people."
)
TYPES = {
    pl.String: mlc.DataType.TEXT, pl.Int8: mlc.DataType.INT8, pl.Int16: mlc.DataType.INT16, pl.Int32: mlc.DataType.INT32,
    pl.UInt8: mlc.DataType.UINT8, pl.UInt16: mlc.DataType.UINT16, pl.UInt64: mlc.DataType.UINT64,
    pl.Float32: mlc.DataType.FLOAT32, pl.Float64: mlc.DataType.FLOAT64, pl.Boolean: mlc.DataType.BOOL,
}  # fmt: skip
COLUMNS = {
    "part": "train, validation or test; held_out are test sources under conditions that nothing is trained on",
    "source": "id of the photograph", "digest": "digest of the pristine image", "distortion": "name of the codec or fault",
    "level": "its level, -1 for the pristine image", "combined": "1 useful, 0 non-useful, -1 unlabelled: all networks agree",
    "class": "true class, from 0", "parent": "photograph that it is a part of, if any",
    "height": "px", "width": "px", "bits": "size of the bitstream", "pixels": "digest of the decoded pixels",
}  # fmt: skip
"""Column -> what it holds."""


def record_set(file, schema):
    """The description of a table's columns; nested lists are left out."""
    name = file.removesuffix(".parquet")
    fields = [
        mlc.Field(
            id=f"{name}/{column}",
            name=column,
            description=COLUMNS.get(column, f"{column} of {name}"),
            data_types=TYPES[type(kind.inner) if isinstance(kind, pl.List) else type(kind)],
            repeated=isinstance(kind, pl.List),
            source=mlc.Source(extract=mlc.Extract(column=column), file_object=file),
        )
        for column, kind in schema.items()
        if not (isinstance(kind, pl.List) and isinstance(kind.inner, pl.List))
    ]
    return mlc.RecordSet(id=name, name=name, description=f"The table {file}.", fields=fields)


def file_object(folder, name):
    """A file of a suite, with its digest."""
    digest = hashlib.sha256((folder.path / name).read_bytes()).hexdigest()
    return mlc.FileObject(
        id=name, name=name, content_url=name, encoding_formats=["application/x-parquet"], sha256=digest
    )


def croissant(folder):
    """The Croissant file of a suite, as JSON."""
    suite = read_suite(folder.choices)
    names = ["labels.parquet", "sources.parquet"]
    outcomes = [f"outcomes/{name}" for name in published(folder)]
    sets = [record_set(name, pl.read_parquet_schema(folder.path / name)) for name in (*names, *outcomes)]
    metadata = mlc.Metadata(
        name=suite.name,
        description=f"{suite.title}. Labels and outcomes of images under compression: are they still useful to networks?",
        version=f"{suite.version}.0.0",
        license=[LICENSE],
        cite_as=PAPER,
        conforms_to=["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        data_collection=PHOTOGRAPHS[suite.dataset["name"]],
        data_annotation_protocol=f"Agreement of networks: {', '.join(suite.networks.labelling)}.",
        machine_annotation_tools=list(suite.networks.labelling),
        data_limitations=LIMITS,
        data_use_cases=USES,
        distribution=[file_object(folder, name) for name in (*names, *outcomes)],
        record_sets=sets,
    )
    return json.dumps(metadata.to_json(), indent=1, ensure_ascii=False, default=str) + "\n"


def counts(folder):
    """A row for each part: its photographs, and its labelled and unlabelled images by combined labels."""
    labels = pl.read_parquet(folder.labels)
    sources = dict(pl.read_parquet(folder.sources).group_by("part").len().iter_rows())
    lines = ["| part | photographs | useful | non-useful | unlabelled |", "| --- | --- | --- | --- | --- |"]
    for part in ("train", "validation", "test"):
        column = labels.filter(part=part)["combined"]
        numbers = [(column == value).sum() for value in (1, 0, -1)]
        lines.append(f"| {part} | {sources.get(part, 0)} | {' | '.join(map(str, numbers))} |")
    return "\n".join(lines)


def datasheet(folder):
    """The datasheet of a suite, as Markdown."""
    suite = read_suite(folder.choices)
    networks = suite.networks
    conditions = [
        f"`{distortion.name}` {', '.join(map(str, distortion.levels)) or 'held out whole'}"
        + (f"; held out {', '.join(map(str, distortion.held_out))}" if distortion.held_out else "")
        for distortion in suite.distortions
    ]
    return f"""# Datasheet of {suite.name}, version {suite.version}

{suite.title}. Generated by `python -m tests.datasheets` from the suite's choices and tables.

## Motivation

Whether a compressed image is still useful to a machine, and which predictor can tell. The method is that of
{PAPER}

## Composition

{PHOTOGRAPHS[suite.dataset["name"]]}

An instance is an image: a photograph under one condition, with what each network made of it (outcomes) and what follows
(labels).

{counts(folder)}

Conditions, each a distortion and its training levels: {"; ".join(conditions)}.

## Labelling

No person labelled anything but the photographs' own classes or objects.

- Labelling networks: {", ".join(networks.labelling)}
- Held out, to judge what is gained: {", ".join(networks.held_out) or "none"}
- Probe: {networks.probe or "none"}

{LIMITS}

## Uses

{USES}

## Distribution and maintenance

Outcomes, labels and scores: CC-BY 4.0, in this folder and in the wheel. Each Parquet file holds a checksum, and
`croissant.json` its SHA-256. What changes a label raises the version ([when, and what happens to old
rows](../../docs/submissions.md)); `utilbench verify {suite.name}` says whether a machine gives the recorded pixels and
outcomes.
{unpublished(folder)}"""


def published(folder):
    """Names of the tracked files of outcomes."""
    return [path.name for path in tracked(f"results/{folder.path.name}/outcomes")]


def unpublished(folder):
    """A paragraph on the networks whose outcomes are not published; empty if there are none."""
    there = published(folder)
    suite = read_suite(folder.choices)
    lacking = [name for name in suite.all_networks if folder.outcomes(name).name not in there]
    if suite.twin_of or not lacking:
        return ""
    return f"\nOutcomes of {', '.join(lacking)} are not published: `utilbench label {suite.name}` makes them again.\n"


def made():
    """File -> text, of all suites that have labels."""
    files = {}
    for path in sorted(RESULTS.glob("*/labels.parquet")):
        folder = SuiteFolder(path.parent)
        if "-limit" not in path.parent.name:
            files |= {
                folder.path / "datasheet.md": datasheet(folder),
                folder.path / "croissant.json": croissant(folder),
            }
    return files


def main():
    """Write all files."""
    for file, text in made().items():
        file.write_text(text, encoding="utf-8")
        print(f"wrote {file}", file=sys.stderr)


if __name__ == "__main__":
    main()
