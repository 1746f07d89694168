"""The inventory of suites, codecs, camera faults, networks and predictors, and what of them is on this disk."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from benchmark.core.errors import BenchmarkError
from benchmark.core.workspace import Workspace
from benchmark.plugins.distortions import DISTORTIONS, Distortion
from benchmark.plugins.networks import FORMS, LIBRARIES, SOURCES, models
from benchmark.plugins.predictors.base import track
from benchmark.plugins.predictors.description import describe_baseline, listed_parts
from benchmark.plugins.predictors.informed import INFORMED, INFORMED_TRACK
from benchmark.plugins.predictors.names import ADAPTERS, predictor_names
from benchmark.plugins.registry import extensions
from benchmark.suites.loading import load_suite, suite_names
from benchmark.suites.results_folder import outcome_folders
from benchmark.suites.spec import Suite

Rows = list[dict[str, Any]]


def inventory(workspace: Workspace) -> dict[str, Rows]:
    """The tables `suites`, `distortions`, `predictors`, `adapters` and `networks`."""
    suites = [describe(load_suite(name), workspace) for name in suite_names()]
    described = {name: describe_baseline(name) for name in predictor_names()}
    predictors = [
        {"name": name, "track": track(baseline.needs), "about": baseline.about} for name, baseline in described.items()
    ]
    predictors += [
        {"name": name, "track": "", "about": about} for name, about in elsewhere("predictors", own=described).items()
    ]
    predictors += [{"name": rival.name, "track": INFORMED_TRACK, "about": rival.about} for rival in INFORMED.values()]
    networks = [
        {"source": source, "models": [] if source in LIBRARIES else models(source, workspace.networks)}
        for source in SOURCES
    ]
    networks += [
        {"source": source, "models": [point.value]} for source, point in extensions("networks", own=SOURCES).items()
    ]
    adapters = [adapted(prefix) for prefix in ADAPTERS]
    distortions = [described_distortion(distortion) for distortion in DISTORTIONS.values()]
    distortions += [
        {"name": name, "kind": "", "levels": "", "encoder": about}
        for name, about in elsewhere("distortions", own=DISTORTIONS).items()
    ]
    tables = {"suites": suites, "distortions": distortions}
    return tables | {"predictors": predictors, "adapters": adapters, "networks": networks}


def elsewhere(kind: str, *, own: Iterable[str]) -> dict[str, str]:
    """Name -> where it is, for each entry point of this kind that another package adds."""
    points = extensions(kind, own=own)
    return {name: f"{point.value}, of another package, which is not imported here" for name, point in points.items()}


def described_distortion(distortion: Distortion) -> dict[str, Any]:
    """A codec or camera fault, its levels, and its encoder on this machine or what to install."""
    try:
        encoder = distortion.encoder()
    except BenchmarkError as error:
        encoder = str(error)
    levels = f"{distortion.levels[0]} to {distortion.levels[-1]}"
    return {"name": distortion.name, "kind": distortion.kind, "levels": levels, "encoder": encoder}


def adapted(prefix: str) -> dict[str, Any]:
    """A library and those of its parts that are predictors; or no parts, and what to install."""
    module, package = ADAPTERS[prefix]
    if find_spec(package.replace("-", "_")) is None:
        return {"prefix": prefix, "library": f"needs {package}; pip install 'utilbench[adapters]'", "parts": []}
    return {"prefix": prefix, "library": f"{package} {version(package)}", "parts": listed_parts(module)}


def describe(suite: Suite, workspace: Workspace) -> dict[str, Any]:
    """One suite, and whether its photographs and its outcomes are on this machine."""
    from benchmark.plugins.datasets import open_dataset

    try:
        photographs = f"{len(open_dataset(suite.dataset, workspace.data).sources())} photographs"
    except BenchmarkError as error:
        photographs = f"no photographs ({error})"
    folder = next((folder for folder in outcome_folders(workspace, suite) if folder.networks()), None)
    if folder is None:
        outcomes = "not labelled yet"
    else:
        origin = ", published with the package" if folder.root != workspace.results else ""
        outcomes = f"outcomes of {len(folder.networks())} networks{origin}"
    return {"name": suite.name, "title": suite.title, "photographs": photographs, "outcomes": outcomes}


def render(tables: dict[str, Rows]) -> str:
    """Return the inventory as text."""
    lines = ["Suites"]
    for suite in tables["suites"]:
        lines += [f"  {suite['name']:<22}{suite['title']}", f"  {'':<22}{suite['photographs']}; {suite['outcomes']}"]
    lines += ["", "Codecs and camera faults, the higher the level the better the image"]
    for distortion in tables["distortions"]:
        about = distortion["encoder"] if distortion["kind"] != "camera fault" else distortion["kind"]
        lines.append(f"  {distortion['name']:<22}{distortion['levels'] and distortion['levels'] + '; '}{about}")
    lines += ["", "Predictors"]
    lines += [f"  {predictor['name']:<22}{predictor['about']}" for predictor in tables["predictors"]]
    for library in tables["adapters"]:
        parts = ", ".join(library["parts"])
        about = f"{parts} ({library['library']})" if parts else library["library"]
        lines.append(f"  {library['prefix'] + ':':<22}{about}")
    lines += ["", "Networks"]
    for source in tables["networks"]:
        names = source["models"]
        shown = ", ".join(names[:8]) + (f", ... ({len(names)})" if len(names) > 8 else "")
        lines.append(f"  {source['source'] + ':':<22}{shown or (LIBRARIES | FORMS).get(source['source'], 'none')}")
    return "\n".join(lines)
