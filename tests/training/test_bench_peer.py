"""The transformers peer runs the very weights of the shipped GGUF files."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("llama_cpp")

import torch
from PIL import Image

from engine.protocol import Language, PartKind, Question, Task, render_prompt
from engine.regions import Box
from engine.runtime import find_model
from engine.runtime.llama import LlamaModel
from engine.runtime.offload import IN_32_BITS
from training.bench_peer import GgufModel
from training.model import image_embeddings, image_tensor


def test_weights_taken_out_of_the_gguf_files_give_the_same_embedding_and_answer():
    manifest = find_model()
    torch_model = GgufModel(manifest.folder, 1)
    llama = LlamaModel(manifest, threads=1, offload=IN_32_BITS)
    try:
        with Image.open(manifest.path("golden_image")) as image:
            pixels = np.asarray(image.convert("RGB"))
        with torch.no_grad():
            there = image_embeddings(torch_model.model, image_tensor(torch.from_numpy(pixels.copy())[None]))[0].numpy()
        # Activations of Q8_0 weights are quantized in llama.cpp.
        assert np.linalg.norm(there - llama.embed_image(pixels)) < 0.01 * np.linalg.norm(there)
        prompt = render_prompt(Question(Task.REGION_TO_TEXT, Language.EN, 224, 224, box=Box(20, 20, 90, 90)))
        words = [part.text for part in prompt.parts if part.kind is PartKind.TEXT]
        tokens = llama.greedy(prompt, pixels, 8)
        ours = b"".join(llama._vocabulary.piece(token) for token in tokens).decode().partition("<|im_end|>")[0]
        assert torch_model.ask(pixels, *words, 8) == ours
    finally:
        llama.close()
