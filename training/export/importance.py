"""The importance matrix: how much each column of a weight is used, measured on training records.

llama.cpp weighs a column's rounding error by the mean square of the activation it is multiplied with (its imatrix
tool). The same figures come here from hooks on the torch model, with real images before the questions.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import InternVLForConditionalGeneration

from engine.files import whole_file
from engine.progress import Cancelled, Progress
from engine.protocol import prompt_from_user_text
from engine.runtime import to_model_image
from training.export.text import TEXT_NAMES
from training.model import image_embeddings, image_tensor
from training.records import DatasetError, Record, read_records
from training.samples import read_rgb
from training.tokenizer import PromptEncoder


@dataclass(frozen=True, slots=True, eq=False)
class ImportanceMatrix:
    """values : by GGUF tensor name, (columns,) float32, mean squares. records, tokens : measured on."""

    values: dict[str, NDArray[np.float32]]
    records: int
    tokens: int

    def write(self, path: Path, datasets: Sequence[Path]) -> None:
        """Write it as llama.cpp's imatrix GGUF (tools/imatrix): sums of squares and counts by tensor."""
        with whole_file(path) as target:
            writer = gguf.GGUFWriter(target, "")
            writer.add_type("imatrix")
            writer.add_array("imatrix.datasets", [one.name for one in datasets])
            writer.add_uint32("imatrix.chunk_count", self.records)
            writer.add_uint32("imatrix.chunk_size", max(1, self.tokens // max(1, self.records)))
            for name, values in self.values.items():
                writer.add_tensor(f"{name}.in_sum2", values[None] * self.tokens)
                writer.add_tensor(f"{name}.counts", np.array([[self.tokens]], np.float32))
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()


@torch.no_grad()
def measure_importance(
    model: InternVLForConditionalGeneration,
    encoder: PromptEncoder,
    datasets: Sequence[Path],
    progress: Progress,
    *,
    records: int = 256,
) -> ImportanceMatrix:
    """Run training records through a model, prompt and answer, and measure what reaches each matrix.

    records : so many, spread evenly over the sets. Raises `DatasetError`, `Cancelled`.
    """
    count = sum(1 for dataset in datasets for _ in read_records(dataset))
    if not count:
        raise DatasetError(f"no records in {', '.join(map(str, datasets))}")
    # Read twice rather than kept: a training set has millions.
    wanted = {int(place) for place in np.linspace(0, count - 1, records)}
    every = itertools.chain.from_iterable(map(read_records, datasets))
    chosen = (pair for place, pair in enumerate(every) if place in wanted)
    meters = _Meters(model)
    tokens = 0
    try:
        for done, (folder, record) in enumerate(chosen, start=1):
            if progress.cancelled():
                raise Cancelled
            tokens += _run(model, encoder, folder, record)
            progress.report(done, len(wanted), "records for the importance matrix")
    finally:
        meters.remove()
    return ImportanceMatrix(meters.means(), len(wanted), tokens)


def _run(model: InternVLForConditionalGeneration, encoder: PromptEncoder, folder: Path, record: Record) -> int:
    """One record through the text model; returns its length in tokens."""
    before, after = encoder.split_at_image(prompt_from_user_text(record.human))
    device = model.get_input_embeddings().weight.device
    ids = torch.tensor([before + after + encoder.answer_ids(record.gpt)], device=device)
    size = int(model.config.vision_config.image_size[0])
    pixels = to_model_image(read_rgb(folder / record.image), size)
    features = image_embeddings(model, image_tensor(torch.from_numpy(pixels.copy())[None]).to(device))
    embedded = model.get_input_embeddings()(ids)
    places = ids == model.config.image_token_id
    embedded = embedded.masked_scatter(places[..., None], features.to(embedded.dtype))
    hidden = model.model.language_model(inputs_embeds=embedded, use_cache=False).last_hidden_state
    model.lm_head(hidden)
    return int(ids.shape[1])


class _Meters:
    """Forward hooks that sum the squares of each matrix's inputs, by GGUF name."""

    def __init__(self, model: InternVLForConditionalGeneration) -> None:
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = defaultdict(int)
        self._handles = [
            module.register_forward_pre_hook(self._meter(name)) for name, module in _matrices(model).items()
        ]

    def _meter(self, name: str) -> Any:
        def add(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            rows = inputs[0].detach().double().reshape(-1, inputs[0].shape[-1])
            squares = rows.square().sum(0)
            self._sums[name] = self._sums[name] + squares if name in self._sums else squares
            self._counts[name] += rows.shape[0]

        return add

    def means(self) -> dict[str, NDArray[np.float32]]:
        """(columns,) float32 each."""
        return {name: (one / self._counts[name]).cpu().numpy().astype(np.float32) for name, one in self._sums.items()}

    def remove(self) -> None:
        """Leave the model as it was."""
        for handle in self._handles:
            handle.remove()


def _matrices(model: InternVLForConditionalGeneration) -> dict[str, nn.Module]:
    """The text model's matrices by GGUF name; rows may be permuted on export, columns are not."""
    found: dict[str, nn.Module] = {"output.weight": model.lm_head}
    for number, layer in enumerate(model.model.language_model.layers):
        for theirs, ours in TEXT_NAMES.items():
            module = layer.get_submodule(theirs)
            if isinstance(module, nn.Linear):
                found[f"blk.{number}.{ours}.weight"] = module
    return found
