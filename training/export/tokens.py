"""Whether llama.cpp cuts text as the trainer's tokenizer does: a model that reads other tokens has lost something."""

from __future__ import annotations

import ctypes
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import llama_cpp as lc
import numpy as np

from engine.labels import builtin_ontology
from training.export.checkpoint import adapter_base, is_adapter
from training.model import CheckpointError
from training.tokenizer import load_tokenizer

CORPUS_SIZE = 3000

_EN = (
    "the lungs are clear without focal consolidation, effusion or pneumothorax",
    "There is a 2.3 x 1.8 cm hypodense lesion in segment VI; it doesn't enhance.",
    "Findings: mild cardiomegaly (CTR > 0.5). Impression: No acute disease!",
    "T2-weighted hyperintensity, SUVmax=12.7, HU -120..+40, 5 mg/dL, 10⁻³ mm²/s, ±0.5°",
    "Please locate the region and describe the condition of",
)
_ZH = (
    "双肺纹理增多，右肺上叶可见一大小约1.2cm×0.9cm的磨玻璃结节。",
    "肝脏形态大小正常，肝内胆管未见扩张；脾不大。",
    "影像诊断：左肾囊肿（Bosniak Ⅰ级）。影像结论：建议随访。",
    "请定位并描述这张医学影像中的胰腺癌",
    "患者女，５６岁，反复咳嗽、咳痰３周余。",
)
_OTHER = (
    "🫁🩻👩‍⚕️",
    "naïve café Ångström",
    "Ω μ β-blocker",
    "\t\ttab\r\nline\n\n  two",
    "ﬁ ½ ™ ①",
    "日本語 한국어 العربية",
)
_MARKS = ("<ref>{}</ref>", "<box>[[{0}, {1}, {2}, {3}]]</box>", "<ref>{}</ref><box>[[{0}, {1}, {2}, {3}]]</box>: ")


@dataclass(frozen=True, slots=True)
class TokenCheck:
    """How many strings were compared, and the first of those that were cut differently."""

    strings: int
    mismatches: tuple[str, ...]


def token_corpus(size: int = CORPUS_SIZE, seed: int = 0) -> list[str]:
    """`size` distinct strings: ontology names, reports, boxes, numbers and odd signs, English and Chinese, mixed."""
    rng = np.random.default_rng(seed)
    names = [name for label in builtin_ontology() for name in (label.en, label.zh)]
    found = dict.fromkeys([*_EN, *_ZH, *_OTHER, *names])
    mixed = _mixtures(rng, [*names, *_EN, *_ZH, *_OTHER])
    while len(found) < size:
        found.setdefault(next(mixed))
    return list(found)[:size]


def _mixtures(rng: np.random.Generator, texts: list[str]) -> Iterator[str]:
    spaces = (" ", "  ", "\n", ", ", "，", "", ": ", "：", "\t")
    signs = string.printable + "，。；：！？（）、“”《》Ⅱ℃‰μ"
    while True:
        parts = [texts[i] for i in rng.integers(len(texts), size=rng.integers(1, 4))]
        box = rng.integers(0, 1000, 4)
        mark = _MARKS[rng.integers(len(_MARKS))]
        if rng.random() < 0.4:
            parts.append(mark.replace("{}", parts[0]).format(*box))
        if rng.random() < 0.4:
            parts.append("".join(signs[i] for i in rng.integers(len(signs), size=rng.integers(1, 12))))
        yield spaces[rng.integers(len(spaces))].join(parts)


def check_tokens(folder: Path, text_gguf: Path, corpus: list[str]) -> TokenCheck:
    """Cut every string with the checkpoint's tokenizer and with the GGUF file's. Raises `CheckpointError`."""
    if is_adapter(folder) and not (folder / "tokenizer.json").is_file():
        folder = adapter_base(folder)
    tokenizer = load_tokenizer(folder)
    lc.llama_log_set(_SILENT, ctypes.c_void_p(0))
    lc.llama_backend_init()
    params = lc.llama_model_default_params()
    params.vocab_only = True
    model = lc.llama_model_load_from_file(str(text_gguf).encode(), params)
    if not model:
        raise CheckpointError(f"llama.cpp cannot read the tokenizer of {text_gguf}")
    try:
        vocab = lc.llama_model_get_vocab(model)
        wrong = [
            text for text in corpus if list(tokenizer(text, add_special_tokens=False).input_ids) != _cut(vocab, text)
        ]
    finally:
        lc.llama_model_free(model)
    return TokenCheck(len(corpus), tuple(wrong))


def _cut(vocab: object, text: str) -> list[int]:
    """Tokens of a text as the engine cuts people's words: nothing in it becomes a control token."""
    encoded = text.encode()
    buffer = (lc.llama_token * (len(encoded) + 8))()
    count = lc.llama_tokenize(vocab, encoded, len(encoded), buffer, len(buffer), False, False)
    return list(buffer[:count])


# ctypes callbacks must outlive every call that uses them.
_SILENT = lc.llama_log_callback(lambda *_: None)
