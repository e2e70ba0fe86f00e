"""What tests of all three folders share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Where there is no screen, Qt draws into memory.
if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# The tests' models are tiny: with more threads torch mostly waits for them to meet, on a busy machine for long.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real labelled scans, which is not part of the product."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder of real labelled scans is not on this machine")
    return folder


@pytest.fixture(scope="session")
def pydicom_files() -> Path:
    """pydicom's own test images."""
    import pydicom

    return Path(pydicom.__file__).parent / "data" / "test_files"


@pytest.fixture(scope="session")
def phantom_series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small generated CT series: its folder holds dicom/ and the ground truth."""
    from engine.phantom import write_phantom_series

    return write_phantom_series(tmp_path_factory.mktemp("phantom") / "p", 11, size=128, slice_mm=10.0)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained InternVL-type model that is small and has no parameter at its starting value."""
    torch = pytest.importorskip("torch")
    from engine.phantom import PHANTOM_LABELS
    from engine.protocol import Language, Question, Task, user_text
    from training.model import PRESETS, build_model
    from training.tokenizer import train_tokenizer
    from training.trainer import save_checkpoint

    texts = [label.name(language) for label in PHANTOM_LABELS for language in Language]
    for language in Language:
        question = Question(Task.TEXT_TO_REGION, language, 10, 10, names=("liver",))
        texts += [user_text(question)] * 20
    torch.manual_seed(3)
    preset = PRESETS["tiny"]
    tokenizer = train_tokenizer(texts, preset.vocab_size)
    model = build_model(preset, tokenizer).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "position_embeddings" in name or "cls_token" in name:
                parameter.normal_(0, 0.3)
            elif "lambda_" in name:
                parameter.uniform_(0.3, 1.0)
            elif "norm" in name and name.endswith("weight"):
                parameter.uniform_(0.7, 1.3)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.05)
            else:
                parameter.normal_(0, 0.1)
    folder = tmp_path_factory.mktemp("tiny") / "checkpoint"
    save_checkpoint(model, tokenizer, folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The untrained model as the engine opens it."""
    from engine.phantom import PHANTOM_LABELS
    from training.export import export_model

    out = tmp_path_factory.mktemp("models") / "tiny"
    export_model(
        tiny_checkpoint,
        out,
        PHANTOM_LABELS,
        model_id="tiny",
        name="Tiny, untrained",
        version="0",
        ftype="f32",
        golden_tolerance=3e-3,
        abstain_below=0.0,
    )
    return out
