"""A vision tower out of an ONNX file of DINOv2's shape, read as data: no code of it is ever run.

Some packages carry pretrained weights as ONNX inside their wheel. The exporter of torch names the biases, norms and
embeddings as the model does; the matrices of linear layers have made-up names, transposed: a matrix belongs to the
layer that the node which multiplies by it is named after. The table of positions is split in the class token's row and
the patches' rows.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from training.model import CheckpointError

_BACKBONE = "backbone."
_POSITIONS = "embeddings.position_embeddings"

Tensors = dict[str, NDArray[np.float32]]


def unpack_tower(source: Path, sha256: str, out: Path) -> Path:
    """Write the tower of an ONNX file, or of the one in a wheel, as a DINOv2 checkpoint folder; returns `out`.

    sha256 : of the ONNX file; another file is refused. Raises `CheckpointError`.
    """
    content = _onnx_bytes(source)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise CheckpointError(f"the ONNX file of {source} has SHA-256 {found}, the recipe wants {sha256}")
    tensors = dinov2_tensors(content, str(source))
    width = tensors["embeddings.cls_token"].shape[-1]
    patches = tensors[_POSITIONS].shape[1] - 1
    patch = tensors["embeddings.patch_embeddings.projection.weight"].shape[-1]
    layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layer."))
    config = {
        "model_type": "dinov2",
        "hidden_size": width,
        "num_hidden_layers": layers,
        # DINOv2's heads are all 64 wide.
        "num_attention_heads": width // 64,
        "mlp_ratio": tensors["encoder.layer.0.mlp.fc1.bias"].shape[0] // width,
        "patch_size": patch,
        "image_size": patch * round(patches**0.5),
        "layer_norm_eps": 1e-6,
        "qkv_bias": True,
        "hidden_act": "gelu",
        "source_sha256": sha256,
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    save_file(tensors, out / "model.safetensors")
    return out


def _onnx_bytes(source: Path) -> bytes:
    try:
        if source.suffix != ".whl":
            return source.read_bytes()
        with zipfile.ZipFile(source) as wheel:
            names = [name for name in wheel.namelist() if name.endswith(".onnx")]
            if len(names) != 1:
                raise CheckpointError(f"{source} holds {len(names)} ONNX files; name one of them, unpacked")
            return wheel.read(names[0])
    except (OSError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"cannot read {source}: {error}") from error


def dinov2_tensors(content: bytes, name: str) -> Tensors:
    """The tensors of an ONNX file under the names of transformers' Dinov2Model. Raises `CheckpointError`."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
        from onnx import numpy_helper
    except ImportError as error:
        raise CheckpointError("reading weights out of ONNX needs the package onnx: pip install onnx") from error
    try:
        graph = onnx.load_from_string(content).graph
    except DecodeError as error:
        raise CheckpointError(f"{name} is no ONNX file: {error}") from error
    given = {one.name: numpy_helper.to_array(one).astype(np.float32) for one in graph.initializer}
    tensors = {key.removeprefix(_BACKBONE): value for key, value in given.items() if key.startswith(_BACKBONE)}
    for node in graph.node:
        layer = node.name.strip("/").rpartition("/")[0].replace("/", ".")
        if node.op_type != "MatMul" or not layer.startswith(_BACKBONE):
            continue
        for matrix in (given[one] for one in node.input if one in given):
            tensors[layer.removeprefix(_BACKBONE) + ".weight"] = np.ascontiguousarray(matrix.T)
    if "embeddings.cls_token" not in tensors:
        raise CheckpointError(f"{name} holds no tower of DINOv2's shape under the name backbone")
    if _POSITIONS not in tensors:
        width = tensors["embeddings.cls_token"].shape[-1]
        rows = [
            one for key, one in given.items() if key.startswith("onnx::") and one.ndim == 3 and one.shape[2] == width
        ]
        rows.sort(key=lambda one: one.shape[1])
        if len(rows) != 2 or rows[0].shape[1] != 1:
            raise CheckpointError(f"{name} holds no table of positions that can be told from its other tensors")
        tensors[_POSITIONS] = np.concatenate(rows, axis=1)
    return {key: np.ascontiguousarray(value) for key, value in tensors.items()}
