"""Quantizations, importance, tokenizer, LoRA, and what may be promoted, on the untrained tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402

from engine.progress import NoProgress  # noqa: E402
from engine.runtime import ModelManifest, Session, verify_files  # noqa: E402
from training.cli_export import export_command  # noqa: E402
from training.export.checkpoint import Checkpoint, load_checkpoint, require_exportable, weights_sha256  # noqa: E402
from training.export.importance import measure_importance  # noqa: E402
from training.export.lora import write_lora  # noqa: E402
from training.export.promote import export_quantizations  # noqa: E402
from training.export.quantize import quantize  # noqa: E402
from training.export.text import write_text  # noqa: E402
from training.export.tokens import CORPUS_SIZE, check_tokens, token_corpus  # noqa: E402
from training.model import CheckpointError, load_model  # noqa: E402
from training.phantom_set import PhantomSetSpec, build_phantom_set  # noqa: E402
from training.tokenizer import PromptEncoder, load_tokenizer  # noqa: E402


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("set") / "phantoms"
    build_phantom_set(out, PhantomSetSpec(2, 1, 2, slices=1, size=64), NoProgress())
    return out


@pytest.fixture(scope="module")
def importance(tiny_checkpoint, dataset):
    model = load_model(tiny_checkpoint).eval()
    encoder = PromptEncoder(load_tokenizer(tiny_checkpoint), model.config.image_seq_length)
    return measure_importance(model, encoder, [dataset / "train"], NoProgress(), records=6)


@pytest.fixture(scope="module")
def adapter(tiny_checkpoint, tmp_path_factory) -> Path:
    """A LoRA of the text model with weights that change it."""
    from peft import LoraConfig, get_peft_model

    folder = tmp_path_factory.mktemp("lora") / "adapter"
    torch.manual_seed(5)
    targets = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
    model = get_peft_model(load_model(tiny_checkpoint), LoraConfig(r=4, lora_alpha=8, target_modules=targets))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.2)
    model.peft_config["default"].base_model_name_or_path = str(tiny_checkpoint)
    model.save_pretrained(folder)
    load_tokenizer(tiny_checkpoint).save_pretrained(folder)
    return folder


def test_the_corpus_has_3000_distinct_strings_in_both_languages():
    corpus = token_corpus()
    assert len(set(corpus)) == len(corpus) == CORPUS_SIZE == 3000
    assert sum(any("\u4e00" <= c <= "\u9fff" for c in text) for text in corpus) > 1000
    assert sum("<box>" in text for text in corpus) > 200
    assert corpus == token_corpus()


def test_llama_cpp_cuts_3000_strings_as_the_trainer_does(tiny_checkpoint, tiny_model):
    found = check_tokens(tiny_checkpoint, ModelManifest.read(tiny_model).path("text"), token_corpus())
    assert found.strings == 3000
    assert found.mismatches == ()


def test_a_tokenizer_that_llama_cpp_does_not_follow_is_seen(tiny_checkpoint, tiny_model, tmp_path):
    """Guards the check itself: without its first merges the same file cuts otherwise."""
    import shutil

    folder = tmp_path / "other"
    shutil.copytree(tiny_checkpoint, folder)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"]["merges"] = content["model"]["merges"][:20]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert check_tokens(folder, ModelManifest.read(tiny_model).path("text"), token_corpus(200)).mismatches


def test_importance_is_the_mean_square_of_what_reaches_a_matrix(tiny_checkpoint, dataset, importance):
    """Of one record, against the layer's inputs taken by hand."""
    model = load_model(tiny_checkpoint).eval()
    encoder = PromptEncoder(load_tokenizer(tiny_checkpoint), model.config.image_seq_length)
    seen = []
    layer = model.model.language_model.layers[1].mlp.down_proj
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().double()[0]))
    found = measure_importance(model, encoder, [dataset / "train"], NoProgress(), records=1)
    handle.remove()
    np.testing.assert_allclose(found.values["blk.1.ffn_down.weight"], (seen[0] ** 2).mean(0), rtol=1e-5)
    assert found.tokens == seen[0].shape[0]


def test_importance_names_every_matrix_of_the_text_model(tiny_checkpoint, importance):
    layers = load_model(tiny_checkpoint).config.text_config.num_hidden_layers
    assert len(importance.values) == 7 * layers + 1
    assert all(np.isfinite(one).all() and one.min() >= 0 for one in importance.values.values())


def test_llama_cpp_quantizes_with_the_importance(tiny_checkpoint, importance, tmp_path):
    """The weights it is given change what it writes: it reads the matrix by our names."""
    full = tmp_path / "full.gguf"
    write_text(Checkpoint.read(tiny_checkpoint), full, "f32")
    quantize(full, tmp_path / "plain.gguf", "q4_k_m")
    quantize(full, tmp_path / "weighed.gguf", "q4_k_m", importance.values)
    assert (tmp_path / "plain.gguf").read_bytes() != (tmp_path / "weighed.gguf").read_bytes()


def test_importance_of_the_wrong_size_is_refused(tiny_checkpoint, importance, tmp_path):
    full = tmp_path / "full.gguf"
    write_text(Checkpoint.read(tiny_checkpoint), full, "f32")
    short = {name: values[:-1] for name, values in importance.values.items()}
    with pytest.raises(CheckpointError, match="cannot quantize"):
        quantize(full, tmp_path / "out.gguf", "q4_k_m", short)


def test_the_importance_file_is_llama_cpps(importance, tmp_path):
    import gguf

    path = tmp_path / "imatrix.gguf"
    importance.write(path, [Path("train")])
    tensors = {one.name: one for one in gguf.GGUFReader(path).tensors}
    squares, counts = tensors["output.weight.in_sum2"], tensors["output.weight.counts"]
    assert counts.data.item() == importance.tokens
    np.testing.assert_allclose(squares.data.ravel() / counts.data.item(), importance.values["output.weight"], rtol=1e-5)


def test_export_compares_each_quantization_with_torch_and_keeps_the_imatrix(tiny_checkpoint, dataset, tmp_path):
    out = tmp_path / "model"
    arguments = [str(tiny_checkpoint), str(out), "--data", str(dataset / "train"), "--model-id", "tiny"]
    arguments += ["--quant", "f16,q4_k_m", "--evaluate", str(dataset / "test"), "--limit", "24"]
    arguments += ["--max-drop", "1", "--imatrix-records", "4", "--json"]
    result = CliRunner().invoke(export_command, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert [one["quantization"] for one in report["models"]] == ["f16", "q4_k_m"]
    for one in report["models"]:
        manifest = ModelManifest.read(Path(one["folder"]))
        verify_files(manifest)
        assert "region_to_text_against_torch" in manifest.scores
        facts = json.loads((manifest.folder / "export.json").read_text(encoding="utf-8"))
        assert facts["tokenizer"] == {"strings": 3000, "mismatches": 0}
        assert "class token last" in facts["position_order"]
    assert facts["importance_matrix"]["records"] == 4
    # An untrained model's boxes are toss-ups; the choice among names is not.
    assert report["models"][0]["rows"]["region_to_text"]["agreement"] > 0.9
    assert (out / "imatrix.gguf").is_file()
    # Started again it takes the answers that are there; they are the same models'.
    kept = {path: path.read_bytes() for path in (out / "answers").iterdir()}
    assert len(kept) == 2 * 3
    again = CliRunner().invoke(export_command, arguments)
    assert json.loads(again.stdout) == report
    assert {path: path.read_bytes() for path in (out / "answers").iterdir()} == kept
    with Session(ModelManifest.read(out / "q4_k_m")) as session:
        session.start()


def test_a_quantization_that_loses_too_much_is_set_aside_and_the_command_fails(tiny_checkpoint, dataset, tmp_path):
    out = tmp_path / "model"
    arguments = [str(tiny_checkpoint), str(out), "--data", str(dataset / "train"), "--quant", "q8_0"]
    # A bound below zero asks to be better than torch.
    arguments += ["--evaluate", str(dataset / "test"), "--limit", "8", "--max-drop", "-1.1"]
    result = CliRunner().invoke(export_command, arguments)
    assert result.exit_code == 1
    assert "REFUSED" in result.output
    assert not (out / "manifest.json").exists()
    verify_files(ModelManifest.read(out / "refused" / "q8_0"))


def test_an_unknown_quantization_is_a_wrong_argument(tmp_path):
    result = CliRunner().invoke(export_command, ["a", "b", "--data", "c", "--quant", "q9"])
    assert result.exit_code == 2
    assert "q4_k_m" in result.output


def test_a_merged_adapter_is_exported_as_one_model(adapter, tiny_checkpoint, dataset, tmp_path):
    result = export_quantizations(
        adapter, tmp_path / "m", [dataset / "train"], ["f32"], NoProgress(), model_id="merged", licence="CC-BY-4.0"
    )
    merged = ModelManifest.read(result.models[0].folder)
    assert merged.licence == "CC-BY-4.0"
    facts = json.loads((merged.folder / "export.json").read_text(encoding="utf-8"))
    assert facts["checkpoint"] == {"sha256": weights_sha256(adapter), "adapter_merged": True}
    base = Checkpoint.read(tiny_checkpoint).tensors
    name = "model.language_model.layers.0.self_attn.q_proj.weight"
    difference = Checkpoint.read(adapter).tensors[name] - base[name]
    assert float(difference.abs().max()) > 1e-3


def test_a_gguf_adapter_on_the_base_gives_the_merged_models_logits(adapter, tiny_checkpoint, tiny_model, tmp_path):
    """Through llama.cpp's own adapters, against PEFT's merge in torch."""
    import ctypes

    import llama_cpp as lc

    path = tmp_path / "adapter.gguf"
    write_lora(adapter, path)
    tokens = [int(t) for t in load_tokenizer(tiny_checkpoint)("the liver is normal").input_ids]
    model = lc.llama_model_load_from_file(
        str(ModelManifest.read(tiny_model).path("text")).encode(), lc.llama_model_default_params()
    )
    lora = lc.llama_adapter_lora_init(model, str(path).encode())
    assert lora
    params = lc.llama_context_default_params()
    params.type_k = params.type_v = 0
    params.flash_attn_type = lc.LLAMA_FLASH_ATTN_TYPE_DISABLED
    context = lc.llama_init_from_model(model, params)
    scales = (ctypes.c_float * 1)(1.0)
    adapters = (lc.llama_adapter_lora_p_ctypes * 1)(lora)
    assert lc.llama_set_adapters_lora(context, adapters, 1, scales) == 0
    array = (lc.llama_token * len(tokens))(*tokens)
    assert lc.llama_decode(context, lc.llama_batch_get_one(array, len(tokens))) == 0
    size = lc.llama_vocab_n_tokens(lc.llama_model_get_vocab(model))
    logits = np.ctypeslib.as_array(lc.llama_get_logits_ith(context, -1), shape=(size,)).copy()
    lc.llama_free(context)
    lc.llama_model_free(model)

    def torch_logits(one) -> np.ndarray:
        with torch.no_grad():
            hidden = one.eval().model.language_model(input_ids=torch.tensor([tokens])).last_hidden_state
            return one.lm_head(hidden)[0, -1].numpy()

    merged, base = torch_logits(load_checkpoint(adapter)), torch_logits(load_model(tiny_checkpoint))
    assert np.linalg.norm(logits - merged) / np.linalg.norm(merged) < 1e-2
    assert np.linalg.norm(base - merged) / np.linalg.norm(merged) > 5e-2


def test_an_adapter_is_exported_alone_and_a_model_with_its_sets(adapter, tmp_path):
    result = CliRunner().invoke(export_command, [str(adapter), str(tmp_path / "out"), "--lora"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "adapter.gguf").is_file()
    result = CliRunner().invoke(export_command, [str(adapter), str(tmp_path / "model")])
    assert result.exit_code == 2
    assert "--data" in result.output


def test_an_adapter_without_its_base_is_named(adapter, tmp_path):
    import shutil

    folder = tmp_path / "lonely"
    shutil.copytree(adapter, folder)
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = str(tmp_path / "gone")
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(CheckpointError, match="gone"):
        load_checkpoint(folder)


def test_a_folder_without_weights_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        Checkpoint.read(tmp_path)


@pytest.mark.parametrize(
    ("where", "key", "value", "named"),
    [
        ("vision_config", "norm_type", "rms_norm", "RMS"),
        ("vision_config", "use_qk_norm", True, "queries"),
        ("text_config", "model_type", "qwen2", "Llama"),
        ("", "ps_version", "v1", "column by column"),
    ],
)
def test_a_layout_the_writer_does_not_know_is_refused(tiny_checkpoint, where, key, value, named):
    config = json.loads((tiny_checkpoint / "config.json").read_text(encoding="utf-8"))
    (config[where] if where else config)[key] = value
    with pytest.raises(CheckpointError, match=named):
        require_exportable(config, tiny_checkpoint)


def test_shards_are_read_as_one(tiny_checkpoint, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "sharded"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_bytes((tiny_checkpoint / name).read_bytes())
    tensors = load_file(tiny_checkpoint / "model.safetensors")
    names = sorted(tensors)
    index = {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, folder / file)
        index |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}), encoding="utf-8")
    whole, sharded = Checkpoint.read(tiny_checkpoint).tensors, Checkpoint.read(folder).tensors
    assert whole.keys() == sharded.keys()
    assert all(torch.equal(whole[name], sharded[name]) for name in whole)
