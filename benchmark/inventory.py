"""What there is: suites, networks, predictors, and what of it is on this disk."""

from __future__ import annotations

from typing import Any

from benchmark.errors import BenchmarkError, PredictorError
from benchmark.finding import ADAPTERS, adapter, find_predictor, predictor_names
from benchmark.networks import SOURCES, models
from benchmark.predictor import track
from benchmark.registry import extensions
from benchmark.results_folder import outcome_folders
from benchmark.runtime import Paths
from benchmark.suite import Suite, load_suite, suite_names

Rows = list[dict[str, Any]]


def inventory(paths: Paths) -> dict[str, Rows]:
    """Tables `suites`, `predictors`, `adapters` and `networks`."""
    suites = [describe(load_suite(name), paths) for name in suite_names()]
    predictors = []
    for name in [*predictor_names(), *extensions("predictors", predictor_names())]:
        _, kind, _ = find_predictor(name)
        told = (kind.__doc__ or "").strip().splitlines()
        predictors.append({"name": name, "track": track(kind), "about": told[0] if told else ""})
    networks = [{"source": source, "models": models(source, paths.networks)} for source in SOURCES]
    networks += [
        {"source": source, "models": [point.value]} for source, point in extensions("networks", SOURCES).items()
    ]
    adapters = [adapted(prefix) for prefix in ADAPTERS]
    return {"suites": suites, "predictors": predictors, "adapters": adapters, "networks": networks}


def adapted(prefix: str) -> dict[str, Any]:
    """A library and those of its parts that are predictors; or none, and what to install."""
    try:
        module, library = adapter(prefix)
    except PredictorError as error:
        return {"prefix": prefix, "library": str(error), "parts": []}
    return {"prefix": prefix, "library": library, "parts": list(module.PREDICTORS)}


def describe(suite: Suite, paths: Paths) -> dict[str, Any]:
    """One suite, and whether its photographs and its outcomes are here."""
    from benchmark.datasets import open_dataset

    try:
        photographs = f"{len(open_dataset(suite.dataset, paths.data).sources())} photographs"
    except BenchmarkError as error:
        photographs = f"no photographs ({error})"
    outcomes = "not labelled yet"
    for folder in outcome_folders(paths, suite):
        if count := len(folder.networks()):
            published = paths.published is not None and folder.path.parent == paths.published.resolve()
            outcomes = f"outcomes of {count} networks" + (", published with the package" if published else "")
            break
    return {"name": suite.name, "title": suite.title, "photographs": photographs, "outcomes": outcomes}


def render(found: dict[str, Rows]) -> str:
    """The inventory as text."""
    lines = ["Suites"]
    for suite in found["suites"]:
        lines += [f"  {suite['name']:<22}{suite['title']}", f"  {'':<22}{suite['photographs']}; {suite['outcomes']}"]
    lines += ["", "Predictors"]
    lines += [f"  {one['name']:<22}{one['about']}" for one in found["predictors"]]
    for one in found["adapters"]:
        parts = ", ".join(one["parts"])
        lines.append(f"  {one['prefix'] + ':':<22}" + (f"{parts} ({one['library']})" if parts else one["library"]))
    lines += ["", "Networks"]
    for one in found["networks"]:
        names = one["models"]
        shown = ", ".join(names[:8]) + (f", ... ({len(names)})" if len(names) > 8 else "")
        lines.append(f"  {one['source'] + ':':<22}{shown or 'none; set UTILBENCH_NETWORKS or --networks'}")
    return "\n".join(lines)
