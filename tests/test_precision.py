"""Training takes the precision that the device is fastest in, and leaves the cores that it was not given alone."""

import os
import subprocess
import sys
import time

import pytest
import torch

from benchmark.core import precision
from benchmark.core.devices import cores, loader_workers, prepare_process
from benchmark.core.precision import PRECISIONS, native_bf16, time_ratio, training_precision
from benchmark.core.workspace import Workspace
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.pipeline import label
from benchmark.suites.loading import load_suite


def processor(monkeypatch, machine="x86_64", capability="AVX512", amx=False, bf16=False):
    """A processor of this kind, as torch's queries would tell of it."""
    monkeypatch.setattr(precision.platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)


PROCESSORS = {
    "AVX2": ({"capability": "AVX2"}, False),
    "AVX2 by choice on a processor with AMX": ({"capability": "AVX2", "amx": True, "bf16": True}, False),
    "AVX-512 without bf16": ({}, False),
    "AVX-512 with bf16, without AMX": ({"bf16": True}, None),
    "AMX": ({"amx": True, "bf16": True}, True),
    "ARM": ({"machine": "aarch64", "capability": "DEFAULT"}, None),
}


@pytest.mark.parametrize("name", PROCESSORS)
def test_what_torch_says_of_a_processor_decides_where_it_can(name, monkeypatch):
    """AMX trains faster in bf16, processors without any bf16 do not; of others only a measurement tells."""
    kind, expected = PROCESSORS[name]
    processor(monkeypatch, **kind)
    assert native_bf16("cpu") is expected


@pytest.mark.parametrize(("ratio", "expected"), [(0.5, "bf16"), (1.0, "float32"), (6.0, "float32")])
def test_a_measured_step_decides_where_torch_cannot_tell(ratio, expected, monkeypatch):
    """bf16 is taken where a step in it was measured to be clearly faster."""
    processor(monkeypatch, bf16=True)
    monkeypatch.setattr(precision, "time_ratio", lambda device, kind, training: ratio)
    assert training_precision("cpu") == expected


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16"), (False, "float32")])
def test_cuda_is_asked_without_emulation(native, expected, monkeypatch):
    """Old GPUs emulate bf16; torch's own query says so."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native and not including_emulation)
    assert training_precision("cuda:0") == expected


@pytest.mark.parametrize(
    ("device", "kind"), [("cuda", "bf16"), ("cuda:0", "fp16"), ("cuda", "float32"), ("cpu", "bf16")]
)
@pytest.mark.parametrize("native", [True, False])
def test_only_what_is_emulated_is_told_to_be(device, kind, native, monkeypatch):
    """On a GPU that multiplies half precision natively, a small network is no faster in it, which is no fault."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    monkeypatch.setattr(precision, "time_ratio", lambda *_, **__: 1.04)
    told = kind == "bf16" and (device == "cpu" or not native)
    assert precision.emulated_ratio(device, kind) == (1.04 if told else 1.0)


@pytest.mark.parametrize("name", PRECISIONS)
def test_a_precision_that_was_chosen_is_kept(name):
    """Only `auto` is decided."""
    assert training_precision("cpu", name) == name


@pytest.mark.parametrize("training", [True, False])
def test_the_ratio_is_that_of_real_work(training, monkeypatch):
    """The model is really run at each precision, three times, and one that is slower has a ratio above 1."""
    ran, real = [], precision.autocast

    def slower(device, kind):
        ran.append(kind)
        time.sleep(0.5 if kind == "bf16" else 0.0)
        return real(device, kind)

    monkeypatch.setattr(precision, "autocast", slower)
    assert time_ratio.__wrapped__("cpu", "bf16", training) > 1
    assert ran == ["float32"] * 3 + ["bf16"] * 3


def test_labelling_warns_where_a_precision_is_emulated(tiny_file, tmp_path, monkeypatch, caplog):
    """Before the work, `label` in bf16 tells how much longer it takes than float32 where that is so, and only there."""
    for ratio in (6.04, 0.6):
        monkeypatch.setattr("benchmark.core.precision.time_ratio", lambda *_, ratio=ratio, **__: ratio)
        monkeypatch.setattr(
            "benchmark.labelling.missing_outcomes.open_worker", lambda *_, **__: pytest.fail("stop here", pytrace=False)
        )
        with pytest.raises(pytest.fail.Exception):
            label(
                load_suite(str(tiny_file)),
                Workspace(None, None, tmp_path, tmp_path, chosen_device="cpu"),
                execution=ExecutionConfig(precision="bf16"),
            )
        assert ("bf16 takes 6.0 times as long as float32" in caplog.text) is (ratio > 1)
        caplog.clear()


def run(program, **variables):
    """What a fresh interpreter prints."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "LOCAL_"))}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment | variables
    )
    return done.stdout.strip()


def test_threads_that_wait_leave_their_core():
    """OpenMP is told so before torch starts, unless a person has said something else."""
    program = "import benchmark, os, sys; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    assert run(program) == "PASSIVE False"
    assert run(program, OMP_WAIT_POLICY="ACTIVE") == "ACTIVE False"


THREADS = """
import os, torch
from benchmark.core.devices import cores, prepare_process
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
prepare_process()
print(cores(), torch.get_num_threads(), torch.backends.cudnn.allow_tf32)
prepare_process(threads=3)
print(torch.get_num_threads())
"""


def test_threads_are_as_many_as_the_cores_of_the_process():
    """Affinity counts, not what the machine has; what a person has set stays, except for a number that is asked for."""
    assert run(THREADS) == "1 1 False\n3"
    assert run(THREADS, OMP_NUM_THREADS="2") == "1 2 False\n3"


def test_processes_that_share_a_training_share_the_cores(monkeypatch):
    """Each takes its part, at least one."""
    whole = cores()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(whole))
    assert cores() == 1
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(4 * whole))
    assert cores() == 1


def test_threads_and_workers_are_no_more_than_the_cores(monkeypatch):
    """On a processor all cores compute and prepare in turns; for a GPU one core feeds it and the others prepare."""
    monkeypatch.setattr("benchmark.core.devices.cores", lambda: 8)
    assert loader_workers("cpu") == 0
    assert loader_workers("cuda:1") == 7
    monkeypatch.setattr("benchmark.core.devices.cores", lambda: 1)
    assert loader_workers("cuda") == 1


def test_the_reference_says_at_which_precision_it_was_trained(tiny, monkeypatch):
    """`auto` is decided once a training and stands in the notes, which scorecards keep in their provenance."""
    from baselines._network_training import Recipe, SquareClassifier
    from benchmark import Context
    from benchmark.evaluation.dataloading import lesson

    prepare_process()
    monkeypatch.setattr(sys.modules[SquareClassifier.__module__], "training_precision", lambda device, asked: "float32")
    predictor = SquareClassifier(Context(), Recipe(steps=2))
    predictor.fit(*(lesson(tiny, "combined", part, SquareClassifier) for part in ("train", "validation")))
    assert predictor.notes["precision"] == "float32"
    assert "'precision': 'auto'" in predictor.notes["recipe"]
