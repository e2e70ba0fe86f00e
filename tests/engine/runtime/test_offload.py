"""What of a model goes to the GPUs: planned from files and measured memory, never more than fits."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime import Device, DeviceKind, Lack, ModelError
from engine.runtime.child import why_not_loaded
from engine.runtime.engine_build import EngineBuild, Gpu, cpu_features
from engine.runtime.gguf_check import check_gguf
from engine.runtime.llama_log import short_of_memory
from engine.runtime.nvidia import NvidiaDriver
from engine.runtime.offload import SHARES, ModelSizes, Offload, model_sizes, plan_offload
from engine.runtime.placing import what_lacks
from engine.runtime.survey import EngineSurvey
from tests.engine.runtime.tiny_model import HEADS, KV_HEADS, LAYERS, WIDTH

GB = 1 << 30
# 34 billion parameters in Q4_K_M and a tower of 6 billion in Q8_0, about.
MEDREGA = ModelSizes((340 << 20,) * 60, 400 << 20, 7 * GB, 300 << 20)


@dataclass(frozen=True)
class Card:
    free: int
    name: str = "CUDA0"
    description: str = "a card"


sizes = st.builds(
    ModelSizes,
    st.lists(st.integers(1, 2 * GB), min_size=1, max_size=80).map(tuple),
    st.integers(1, GB),
    st.integers(1, 8 * GB),
    st.integers(0, GB),
)
cards = st.lists(st.integers(0, 100 * GB).map(Card), max_size=3)


@given(sizes, cards, st.sampled_from(SHARES))
def test_a_plan_never_needs_more_than_is_free(model, gpus, share):
    plan = plan_offload(model, gpus, share)
    assert plan.needed <= plan.free
    assert 0 <= plan.layers <= plan.all_layers == len(model.layers) + 1
    assert not plan.vision or model.vision < gpus[0].free


@given(sizes, cards)
def test_each_further_try_takes_less_and_the_last_nothing(model, gpus):
    plans = [plan_offload(model, gpus, share) for share in SHARES]
    assert all(one.layers >= other.layers for one, other in itertools.pairwise(plans))
    assert not plans[-1].on_gpu


@given(sizes, st.integers(0, 100 * GB), st.integers(0, 20 * GB))
def test_more_free_memory_never_takes_fewer_layers(model, free, more):
    few, many = (plan_offload(model, [Card(size)]) for size in (free, free + more))
    # Unless the tower, which goes first, has come to fit.
    assert many.layers >= few.layers or many.vision > few.vision


@pytest.mark.parametrize(
    ("free", "layers", "vision"),
    [(0, 0, False), (7 * GB, 17, False), (24 * GB, 44, True), (40 * GB, 61, True), (80 * GB, 61, True)],
)
def test_the_tower_goes_first_and_then_as_many_layers_as_fit(free, layers, vision):
    plan = plan_offload(MEDREGA, [Card(free)])
    assert (plan.layers, plan.vision) == (layers, vision)


def test_two_cards_hold_what_one_cannot():
    one, two = plan_offload(MEDREGA, [Card(20 * GB)]), plan_offload(MEDREGA, [Card(20 * GB), Card(20 * GB, "CUDA1")])
    assert one.layers < 61 == two.layers
    assert two.text == "CUDA0 (a card), CUDA1 (a card): 61 of 61 layers, the vision tower"


def test_no_gpu_is_no_lack_but_a_full_one_is():
    assert plan_offload(MEDREGA, []).lack is None
    full = plan_offload(MEDREGA, [Card(100 << 20)])
    assert (full.lack, full.on_gpu, full.text) == (Lack.MEMORY, False, "CPU")


def test_sizes_are_those_of_the_files_tensors(random_model):
    text, mmproj = (check_gguf(random_model.path(role)) for role in ("text", "mmproj"))
    found = model_sizes(text, mmproj, cells=1000, batch=512)
    assert len(found.layers) == LAYERS
    kept = KV_HEADS * (WIDTH // HEADS) * 2 * 1000 * 2
    tensors = sum(tensor.bytes for tensor in text.tensors.values())
    outside = text.tensors["token_embd.weight"].bytes
    assert sum(found.layers) - LAYERS * kept + found.output == tensors - outside
    # All of the text model is one layer more than the blocks.
    assert found.text_bytes(found.all_layers) == found.compute + found.output + sum(found.layers)
    assert found.text_bytes(1) == found.compute + found.output
    assert found.vision > sum(tensor.bytes for tensor in mmproj.tensors.values())


@pytest.mark.parametrize("text", ["auto", "cpu", "cuda", "cuda:0", "cuda:12"])
def test_a_device_is_written_as_it_is_read(text):
    assert str(Device.parse(text)) == text
    assert Device.parse(f" {text.upper()} ") == Device.parse(text)


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:-1", "cuda:0,1", "cuda:1234", "cpu:0"])
def test_what_is_no_device_is_refused_with_what_there_is(text):
    with pytest.raises(ModelError, match="auto, cpu, cuda and cuda:N"):
        Device.parse(text)


@pytest.mark.parametrize(
    ("device", "present", "shown"),
    [
        ("auto", None, None),
        ("cuda", "1", None),
        ("cpu", None, "-1"),
        ("cpu", "0,1", "-1"),
        ("cuda:1", None, "1"),
        # Of those that are left, the second.
        ("cuda:1", "3, 5", "5"),
        ("cuda:2", "3,5", "-1"),
        ("cuda:0", "GPU-8932f937", "GPU-8932f937"),
    ],
)
def test_the_process_is_shown_the_chosen_gpu_alone(device, present, shown):
    environment = {} if present is None else {"CUDA_VISIBLE_DEVICES": present}
    assert Device.parse(device).variables(environment).get("CUDA_VISIBLE_DEVICES") == shown


def test_features_are_read_from_llama_cpps_line():
    said = "CUDA : ARCHS = 900 | NO_VMM = 1 | CPU : SSE3 = 1 | AVX2 = 1 | AVX512 = 0 | LLAMAFILE = 1 | REPACK = 1 | "
    assert cpu_features(said) == ("SSE3", "AVX2", "LLAMAFILE", "REPACK")
    assert cpu_features("") == ()


@pytest.mark.parametrize(
    "line",
    [
        "ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc of 512 MiB failed: out of memory",
        "alloc_tensor_range: failed to allocate CUDA0 buffer of size 536870912",
        "llama_model_load: error loading model: unable to allocate CUDA0 buffer",
        "llama_model_load: error loading model: mmap failed: Cannot allocate memory",
        "ggml_aligned_malloc: insufficient memory (attempted to allocate 18.00 MB)",
    ],
)
def test_it_is_heard_when_memory_ran_out(line):
    assert short_of_memory(["something else", line])
    assert not short_of_memory(["llama_model_load: error loading model: missing tensor 'output.weight'"])


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("libcuda.so.1: cannot open shared object file: No such file or directory", "libcuda.so.1"),
        ("Failed to load shared library '/x/libllama.so': libcublas.so.13: cannot open", "libcublas.so.13"),
        ("Could not find module 'cublas64_13.dll'", "cublas64_13.dll"),
    ],
)
def test_a_missing_library_of_cuda_is_named_with_what_to_do(failure, words):
    said = why_not_loaded(failure)
    assert words in said
    assert "--portable" in said


def test_any_other_failure_to_load_says_what_it_was():
    assert "invalid ELF header" in why_not_loaded("libllama.so: invalid ELF header")


CARD = Gpu("CUDA0", "a card", 80 * GB, 70 * GB)
DRIVER = NvidiaDriver("580.65.06", "13.0")


def build(cuda, *gpus, problem=""):
    return EngineBuild("0.3.36", cuda, ("AVX2",), gpus, problem)


@pytest.mark.parametrize(
    ("engine", "wanted", "lack"),
    [
        (build(False), DeviceKind.AUTO, None),
        (build(False), DeviceKind.CUDA, Lack.CUDA),
        (build(True, CARD), DeviceKind.CUDA, None),
        (build(True), DeviceKind.CPU, None),
    ],
)
def test_what_lacks_is_told_to_whoever_wanted_a_gpu(engine, wanted, lack):
    assert what_lacks(engine, wanted) is lack


@pytest.mark.parametrize(
    ("device", "engine", "driver", "words"),
    [
        ("auto", build(False), None, ""),
        ("auto", build(False), DRIVER, "make run CUDA=1"),
        ("cuda", build(False), None, "make run CUDA=1"),
        ("auto", build(True), None, "no NVIDIA driver"),
        ("auto", build(True, problem="CUDA driver version is insufficient"), DRIVER, "version is insufficient"),
        ("cpu", build(True), DRIVER, "medrega model device auto"),
        ("auto", build(True, CARD), DRIVER, ""),
        ("auto", None, DRIVER, "it broke"),
    ],
)
def test_the_doctor_advises_what_helps(device, engine, driver, words):
    offload = Offload(("CUDA0",), 61, 61, True)
    advice = EngineSurvey(Device.parse(device), engine, driver, offload, "it broke" if engine is None else "").advice
    assert len(advice) == bool(words)
    assert words in "".join(advice)


def test_the_doctor_says_so_when_not_all_layers_fit():
    offload = Offload(("CUDA0",), 44, 61, True)
    (said,) = EngineSurvey(Device(), build(True, CARD), DRIVER, offload).advice
    assert "44 of 61 layers" in said
