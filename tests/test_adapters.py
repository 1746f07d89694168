"""`iqa:...` and `ood:...` are piq's and pytorch-ood's own numbers, as predictors that keep the contract."""

import inspect
import sys
from importlib.metadata import version

import numpy as np
import piq
import pytest
import torch
from pytorch_ood import detector

import benchmark
from baselines.adapters import iqa, ood
from benchmark.cli.listing import adapted, render
from benchmark.core.errors import PredictorError
from benchmark.core.types import Sample
from benchmark.plugins.datasets.glyphs import scene
from benchmark.plugins.distortions import compressed, find_distortion
from benchmark.plugins.predictors import contract
from benchmark.plugins.predictors.base import track
from benchmark.plugins.predictors.code_digests import code_digest
from benchmark.plugins.predictors.discovery import find_predictor
from benchmark.plugins.predictors.names import ADAPTERS, predictor_names
from benchmark.suites.results_folder import file_stem

IQA, OOD = list(iqa.PREDICTORS), list(ood.PREDICTORS)
NAMES = [f"iqa:{name}" for name in IQA] + [f"ood:{name}" for name in OOD]
NO_REFERENCE = {"total_variation"}
DOWNLOADS = {"brisque"}
"""What piq would fetch weights for."""
SETS = {"inception_score"}
"""What piq computes of a set of images, not of one."""
CALLED = {"ms_ssim": "multi_scale_ssim", "ms_gmsd": "multi_scale_gmsd", "iw_ssim": "information_weighted_ssim"}
"""The name in piq, where ours is shorter."""
FALLING = {"gmsd", "ms_gmsd", "mdsi", "total_variation"}
DETECTORS = {
    "energy": "EnergyBased", "entropy": "Entropy", "gen": "GEN", "max_logit": "MaxLogit", "max_softmax": "MaxSoftmax",
    "odin": "ODIN",
}  # fmt: skip
PROBE = "zoo:resnet_wide"


def piqs(name):
    """Piq's own function."""
    return getattr(piq, CALLED.get(name, name))


def made(name):
    """The predictor of this name."""
    return find_predictor(name)[1](benchmark.Context(classifier=PROBE))


def noisy(height, width, amount=20, seed=0):
    """A sample of random pixels, its image changed by up to `amount` levels."""
    random = np.random.default_rng(seed)
    reference = random.integers(0, 256, (3, height, width))
    image = (reference + random.integers(-amount, amount + 1, reference.shape)).clip(0, 255)
    return Sample(*(torch.from_numpy(one.astype(np.uint8)) for one in (image, reference)))


def letters(qualities=(90, 50, 10)):
    """A letter, 64 x 64, at JPEG qualities."""
    return [
        compressed(find_distortion("jpeg"), scene("train", 7), quality, needs={"reference"}) for quality in qualities
    ]


def directly(name, sample):
    """What piq gives for a sample that is large enough."""
    pair = [one[None].float() / 255 for one in (sample.image, sample.reference)]
    return float(piqs(name)(pair[0]) if name in NO_REFERENCE else piqs(name)(*pair, data_range=1.0))


def test_every_function_of_piq_that_scores_one_image_without_download_is_there():
    """The table holds all of piq's public functions but those of sets and those that fetch weights."""
    public = {
        name for name, value in vars(piq).items() if inspect.isfunction(value) and value.__module__ != "piq.utils"
    }
    assert public - DOWNLOADS - SETS == {CALLED.get(name, name) for name in IQA}


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_is_kept(name, monkeypatch):
    """Every check holds for every metric and detector; the largest size is smaller here, for the time it takes."""
    monkeypatch.setattr(contract, "SIZES", (*contract.SIZES[:-1], (260, 390)))
    assert {check.name: check.problem for check in contract.check_predictor(name) if check.problem} == {}


@pytest.mark.parametrize("name", IQA)
def test_scores_are_piqs(name):
    """A score is what piq gives, negative where piq's falls with quality."""
    sample = noisy(163, 170)
    sign = -1 if name in FALLING else 1
    assert made(f"iqa:{name}").score([sample]) == pytest.approx([sign * directly(name, sample)], rel=1e-6)


@pytest.mark.parametrize("name", sorted(set(IQA) - NO_REFERENCE))
def test_more_useful_is_higher(name):
    """The more noise, the lower the score, and none is highest."""
    scores = made(f"iqa:{name}").score([noisy(96, 96, amount) for amount in (0, 10, 40, 120)])
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


@pytest.mark.parametrize("name", sorted(NO_REFERENCE))
def test_metrics_without_reference_fall_with_noise(name):
    """They need no reference, and a flat image is best."""
    flat = Sample(torch.full((3, 96, 96), 9, dtype=torch.uint8))
    predictor = made(f"iqa:{name}")
    assert track(predictor.needs) == "no-reference"
    assert predictor.score([flat])[0] > predictor.score([noisy(96, 96)])[0]


@pytest.mark.parametrize("name", IQA)
def test_the_least_side_is_the_least(name):
    """Piq gives a finite number for an image of that side, and for the next smaller square none."""
    least = iqa.PREDICTORS[name][3]
    assert all(np.isfinite(directly(name, noisy(*size))) for size in ((least, least), (least, 190), (190, least)))
    if least > 1:
        try:
            value = directly(name, noisy(least - 1, least - 1))
        except ValueError:
            return
        assert np.isnan(value)


@pytest.mark.parametrize("name", IQA)
def test_small_images_are_filled_up_by_their_edges(name):
    """The score of an image that is too small is that of the image with its last row and column repeated."""
    least = iqa.PREDICTORS[name][3]
    small = noisy(1, 5)
    sides = [(0, 0), (0, max(0, least - 1)), (0, max(0, least - 5))]
    padded = Sample(*(torch.from_numpy(np.pad(one, sides, "edge")) for one in (small.image, small.reference)))
    predictor = made(f"iqa:{name}")
    assert predictor.score([small]) == predictor.score([padded])


@pytest.mark.parametrize("name", sorted(set(IQA) - NO_REFERENCE))
@pytest.mark.parametrize("grey", [0, 1, 128, 255])
def test_equal_flat_images_are_best(name, grey):
    """Where there is nothing to see, an image equal to its reference has the score of any that is."""
    flat = torch.full((3, 64, 64), grey, dtype=torch.uint8)
    predictor = made(f"iqa:{name}")
    best = predictor.score([noisy(64, 64, 0)])
    assert predictor.score([Sample(flat, flat)]) == pytest.approx(best, abs=1e-4)


def test_black_images_are_equal_to_haarpsi():
    """Piq gives infinity for two black images, and we its greatest value, 1."""
    black = torch.zeros(1, 3, 64, 64)
    assert piq.haarpsi(black, black) == float("inf")
    assert iqa.haarpsi(black, black) == 1


def test_iw_ssim_of_a_flat_reference_is_ms_ssim():
    """Without content there are no weights: piq raises, and we weigh all places alike."""
    image, flat = torch.rand(1, 3, 170, 170), torch.full((1, 3, 170, 170), 0.5)
    with pytest.raises(torch.linalg.LinAlgError):
        piq.information_weighted_ssim(image, flat)
    assert iqa.iw_ssim(image, flat) == piq.multi_scale_ssim(image, flat)


@pytest.mark.parametrize("name", OOD)
def test_utility_is_minus_the_detectors_score(name):
    """A score is minus what pytorch-ood gives for the same probe and inputs."""
    probe, samples = benchmark.Context(classifier=PROBE).open_classifier(), letters()
    more = {"norm_std": list(probe.preprocessing.std)} if name == "odin" else {}
    outlying = getattr(detector, DETECTORS[name])(probe.module, **more)(
        probe.prepared([s.image for s in samples], "cpu")
    )
    assert made(f"ood:{name}").score(samples) == pytest.approx((-outlying).tolist(), rel=1e-6)


@pytest.mark.parametrize("name", OOD)
def test_clear_letters_are_more_familiar_than_noise(name):
    """The probe knows letters: their mean score is higher than that of random pixels."""
    predictor = made(f"ood:{name}")
    clear = [compressed(find_distortion("jpeg"), scene("train", number), 95) for number in range(12)]
    noise = [noisy(64, 64, seed=number) for number in range(12)]
    assert np.mean(predictor.score(clear)) > np.mean(predictor.score(noise))


def test_energy_of_the_library_is_the_baseline():
    """`ood:energy` and `energy` are the same number, with the same sign."""
    assert made("ood:energy").score(letters()) == pytest.approx(made("energy").score(letters()), rel=1e-6)


def test_a_network_without_logits_is_refused_by_name():
    """A detector, which has no logits, is an error that names it."""
    kind = find_predictor("ood:max_logit")[1]
    with pytest.raises(PredictorError, match="zoo:fcos_resnet_wide gives no logits"):
        kind(benchmark.Context(classifier="zoo:fcos_resnet_wide"))


@pytest.mark.parametrize("name", NAMES)
def test_each_has_its_name_track_and_one_line(name):
    """The name is kept as it is on cards, its colon is none in a file's name, and a line says what it is."""
    found, kind, _ = find_predictor(name)
    assert found == name
    assert file_stem(name, None) == name.replace(":", "-")
    assert (track(kind.needs) == "full-reference") == (name.startswith("iqa:") and name[4:] not in NO_REFERENCE)
    assert kind.__doc__.endswith("-reference, no training.")
    assert len(kind.__doc__) <= 120


@pytest.mark.parametrize(("prefix", "package"), [(prefix, package) for prefix, (_, package) in ADAPTERS.items()])
def test_the_digest_covers_code_and_version(prefix, package, monkeypatch):
    """Another version of the library, or other code of ours, is another digest."""
    name = {"iqa": "iqa:psnr", "ood": "ood:gen"}[prefix]
    before = find_predictor(name)[2]
    assert find_predictor(name)[2] == before
    monkeypatch.setattr("benchmark.plugins.predictors.discovery.version", lambda package: "0.0")
    assert find_predictor(name)[2] != before
    monkeypatch.setattr("benchmark.plugins.predictors.discovery.version", version)
    monkeypatch.setattr(
        "benchmark.plugins.predictors.discovery.code_digest", lambda source: code_digest(source + "x = 1\n")
    )
    assert find_predictor(name)[2] != before


@pytest.mark.parametrize(
    ("name", "told"),
    [("iqa:msssim", "near: iqa:ms_ssim, "), ("ood:maxlogit", "near: ood:max_logit; "), ("iqa", "are iqa:psnr, ")],
)
def test_unknown_parts_list_the_near_ones_first(name, told):
    """The message holds all names of the library, those like the unknown one first."""
    with pytest.raises(PredictorError, match=told) as error:
        find_predictor(name)
    assert all(one in str(error.value) for one in NAMES if one[:3] == name[:3])


@pytest.mark.parametrize(("prefix", "package"), [(prefix, package) for prefix, (_, package) in ADAPTERS.items()])
def test_a_library_that_is_not_installed_is_named_with_the_cure(prefix, package, monkeypatch):
    """The error says what to install, and the inventory the same."""
    monkeypatch.setitem(sys.modules, package.replace("-", "_"), None)
    monkeypatch.delitem(sys.modules, f"baselines.adapters.{prefix}")
    with pytest.raises(PredictorError, match=rf"{prefix}: needs {package} .*pip install 'utilbench\[adapters\]'"):
        find_predictor(f"{prefix}:any")
    assert adapted(prefix)["parts"] == []
    assert "pip install" in adapted(prefix)["library"]


def test_the_inventory_shows_libraries_and_parts():
    """`list` names each library with its version and its parts."""
    found = [adapted(prefix) for prefix in ADAPTERS]
    text = render({"suites": [], "distortions": [], "predictors": [], "adapters": found, "networks": []})
    assert f"total_variation (piq {version('piq')})" in text
    assert f"odin (pytorch-ood {version('pytorch-ood')})" in text


def test_baselines_are_those_without_a_prefix():
    """The list of baselines holds no adapter."""
    assert not {"adapters", "iqa", "ood"} & set(predictor_names())
