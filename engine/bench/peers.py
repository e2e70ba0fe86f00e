"""Others who answer the same question with the same weights, each in a process of its own."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import multiprocessing
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.protocol import PartKind, Prompt
from engine.runtime import ModelManifest, to_model_image

HANDLER = "llama-cpp-python MTMDChatHandler"
TRANSFORMERS = "transformers generate"
_TORCH_PEER = "training.bench_peer"
_MOST_TOKENS = 64

# The model's own template joins words; this one also takes the handler's list of parts.
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endif %}"
    "<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True, slots=True, eq=False)
class PeerQuestion:
    """A question as peers take it, made beforehand so that they need not pay for it.

    pixels : (S, S, 3) uint8 of the tower's size. data_uri : the same as PNG. before, after : the words round it.
    """

    pixels: NDArray[np.uint8]
    data_uri: str
    before: str
    after: str

    @classmethod
    def of(cls, rgb: NDArray[np.uint8], prompt: Prompt, size: int) -> PeerQuestion:
        """From a slice and one of our prompts."""
        pixels = to_model_image(rgb, size)
        png = io.BytesIO()
        Image.fromarray(pixels).save(png, "PNG", compress_level=1)
        texts = [part.text for part in prompt.parts if part.kind is PartKind.TEXT]
        uri = "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
        return cls(pixels, uri, *texts)


class HandlerPeer:
    """llama-cpp-python's own chat handler in a child process; greedy, the same threads."""

    def __init__(self, manifest: ModelManifest, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve_handler, args=(theirs, manifest.path("text"), manifest.path("mmproj"), threads), daemon=True
        )
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def ask(self, question: PeerQuestion) -> str:
        """The answer's text."""
        self._pipe.send((question.data_uri, question.before, question.after))
        return str(self._pipe.recv())

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(10)


def _serve_handler(pipe: Connection, text: Path, mmproj: Path, threads: int) -> None:
    from llama_cpp import Llama
    from llama_cpp.llama_chat_format import MTMDChatHandler

    from engine.protocol.prompt import SYSTEM
    from engine.runtime.llama_log import hear_llama

    # Both write to the standard output, which belongs to the report.
    with contextlib.redirect_stdout(sys.stderr):
        handler = MTMDChatHandler(str(mmproj), verbose=False)
        llama = Llama(
            str(text),
            chat_handler=handler,
            n_ctx=4096,
            n_batch=512,
            n_threads=threads,
            n_threads_batch=threads,
            flash_attn=True,
            verbose=False,
        )
        llama.metadata["tokenizer.chat_template"] = _TEMPLATE
        # Quiet as asked: mtmd would write every question to the standard error.
        hear_llama()
        pipe.send("ready")
        with contextlib.suppress(EOFError):
            while True:
                uri, before, after = pipe.recv()
                content: Any = [
                    {"type": "text", "text": before},
                    {"type": "image_url", "image_url": {"url": uri}},
                    {"type": "text", "text": after},
                ]
                messages: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]
                reply: Any = llama.create_chat_completion(
                    messages, temperature=0.0, repeat_penalty=1.0, max_tokens=_MOST_TOKENS
                )
                pipe.send(reply["choices"][0]["message"]["content"])
        llama.close()


class TransformersPeer:
    """transformers on weights taken out of the same GGUF files, in a child process: the engine has no torch.

    Raises `PeerMissing` where torch or the trainer is not installed.
    """

    def __init__(self, manifest: ModelManifest, threads: int) -> None:
        if any(find_spec(name) is None for name in ("torch", "transformers", "gguf")):
            raise PeerMissing("torch is not installed: pip install 'medrega-desktop[train]' for this peer")
        self._process = subprocess.Popen(
            [sys.executable, "-m", _TORCH_PEER, str(manifest.folder), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )
        if not self._line():
            raise PeerMissing("the transformers peer did not start: see its message above")

    def ask(self, question: PeerQuestion) -> str:
        """The answer's text."""
        assert self._process.stdin is not None
        pixels = base64.b64encode(question.pixels.tobytes()).decode()
        message = {"pixels": pixels, "before": question.before, "after": question.after, "most": _MOST_TOKENS}
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        line = self._line()
        if not line:
            raise PeerMissing("the transformers peer ended: see its message above")
        return str(json.loads(line)["text"])

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(30)


class PeerMissing(RuntimeError):  # noqa: N818 - nothing failed: there is nobody to compare with
    """A peer that this installation does not have."""
