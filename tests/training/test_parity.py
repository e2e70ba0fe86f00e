"""The same image and prompt through torch and through llama.cpp."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.protocol import Language, Question, Task, render_prompt
from engine.regions import Box
from engine.runtime import ModelManifest
from engine.runtime.llama import LlamaModel
from engine.runtime.offload import IN_32_BITS

torch = pytest.importorskip("torch")

PROMPTS = [
    render_prompt(Question(Task.REGION_TO_TEXT, Language.EN, 512, 512, box=Box(10, 20, 200, 300))),
    render_prompt(Question(Task.TEXT_TO_REGION, Language.ZH, 512, 512, names=("左肺下叶", "liver"))),
]


@pytest.fixture(scope="module")
def runtime(tiny_model: Path):
    model = LlamaModel(ModelManifest.read(tiny_model), threads=1, offload=IN_32_BITS)
    yield model
    model.close()


@pytest.fixture(scope="module")
def torch_side(tiny_checkpoint: Path):
    from training.model import load_model
    from training.tokenizer import PromptEncoder, load_tokenizer

    model = load_model(tiny_checkpoint).eval()
    return model, PromptEncoder(load_tokenizer(tiny_checkpoint), model.config.image_seq_length)


def relative(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a.astype(np.float64) - b) / np.linalg.norm(b))


def test_image_embeddings_agree_within_3e_3(runtime, torch_side):
    from engine.models.registering import self_test_image
    from training.model import image_embeddings, image_tensor

    image = self_test_image(56)
    with torch.no_grad():
        expected = image_embeddings(torch_side[0], image_tensor(torch.from_numpy(image)[None]))[0].numpy()
    assert relative(runtime.embed_image(image), expected) < 3e-3


def test_without_the_position_roll_the_embeddings_are_far_off(tiny_checkpoint, tiny_model, tmp_path):
    """Guards the parity test itself: the defect it is there for must show."""
    import shutil

    from engine.models.registering import self_test_image
    from training.export import Checkpoint, write_mmproj

    folder = tmp_path / "unrolled"
    shutil.copytree(tiny_model, folder)
    manifest = ModelManifest.read(folder)
    write_mmproj(Checkpoint.read(tiny_checkpoint), manifest.path("mmproj"), rolled=False)
    model = LlamaModel(manifest, threads=1, offload=IN_32_BITS)
    try:
        error = relative(model.embed_image(self_test_image(56)), np.load(folder / "golden.npy"))
    finally:
        model.close()
    assert error > 0.05


@pytest.mark.parametrize("prompt", PROMPTS, ids=["region-to-text en", "text-to-region zh"])
def test_logits_agree_and_32_greedy_tokens_are_equal(runtime, torch_side, prompt):
    from engine.models.registering import self_test_image
    from training.model import image_embeddings, image_tensor

    model, encoder = torch_side
    image = self_test_image(56)
    before, after = encoder.split_at_image(prompt)
    ids = torch.tensor([before + after])
    with torch.no_grad():
        features = image_embeddings(model, image_tensor(torch.from_numpy(image)[None]))
        embeddings = model.get_input_embeddings()(ids)
        places = ids == model.config.image_token_id
        embeddings = embeddings.masked_scatter(places[..., None], features.reshape(-1, features.shape[-1]))
        logits = []
        for _ in range(32):
            hidden = model.model.language_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
            logits.append(model.lm_head(hidden[0, -1]))
            token = logits[-1].argmax()
            embeddings = torch.cat([embeddings, model.get_input_embeddings()(token)[None, None]], dim=1)
    assert relative(runtime.next_logits(prompt, image), logits[0].numpy()) < 1e-2
    assert runtime.greedy(prompt, image, 32) == [int(step.argmax()) for step in logits]


def test_the_runtime_tokenises_as_the_trainer(runtime, torch_side):
    from engine.protocol import PartKind

    for prompt in PROMPTS:
        before, after = torch_side[1].split_at_image(prompt)
        at = [part.kind for part in prompt.parts].index(PartKind.IMAGE)
        sides = [
            [t for p in parts for t in runtime.tokenize(p.text, special=p.kind is PartKind.TEMPLATE)]
            for parts in (prompt.parts[:at], prompt.parts[at + 1 :])
        ]
        # The image's own tokens stand at the end of what comes before it.
        assert before[: len(sides[0])] == sides[0]
        assert after == sides[1]
