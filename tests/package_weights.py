"""Put a baseline's trained network into the package: `python -m tests.package_weights resnet18 imagenet-mixed`.

Who installs the package can score and export with it at once. It takes the first seed of the scorecard whose training is in
the cache, rounds its numbers to half precision and replaces the file that is there. These weights give other scores than the
scorecard's in the third digit, so that `run` does not use them.
"""

import argparse

from benchmark.core.workspace import Workspace
from benchmark.evaluation.scorecard import read_card
from benchmark.evaluation.training import packaged_file, read_state, trained_file, write_state
from benchmark.plugins.predictors.resolve import resolve_predictor
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import Training, file_stem, suite_folder


def main():
    """Read the state, round its numbers and write it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("predictor")
    parser.add_argument("suite")
    chosen, workspace = parser.parse_args(), Workspace.named()
    spec, suite = resolve_predictor(chosen.predictor), load_suite(chosen.suite)
    stem = file_stem(spec.name, Training(suite.folder, "combined", ""))
    card = read_card(suite_folder(workspace, suite).card("combined", stem))
    files = {seed: trained_file(spec, card.trained_on, seed, workspace) for seed in card.seeds}
    seed = next((seed for seed, file in files.items() if file.is_file()), None)
    if seed is None:
        raise SystemExit(f"no training of the seeds {list(card.seeds)} is in {workspace.cache}")
    notes, state = read_state(files[seed])
    halves = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    assert all(value.isfinite().all() for value in halves.values()), "a weight is beyond half precision"
    target = packaged_file(spec, card.trained_on, seed)
    target.parent.mkdir(exist_ok=True)
    write_state(target, halves, notes | {"weights": "rounded to half precision"})
    for other in set(target.parent.glob(f"{stem}.*.safetensors")) - {target}:
        other.unlink()
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB, seed {seed} of {list(card.seeds)}")


if __name__ == "__main__":
    main()
