"""The report: what a person gets to read, and nothing that could run in it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402

from training.cli_evaluate import evaluate  # noqa: E402


@pytest.fixture(scope="module")
def report(tiny_model, all_tasks, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "r"
    arguments = [str(tiny_model), str(all_tasks), "--out", str(out), "--paper-compatible", "--json"]
    result = CliRunner().invoke(evaluate, arguments)
    assert result.exit_code == 0, result.output
    return out, json.loads(result.stdout)


def test_the_folder_holds_page_markdown_json_pictures_and_predictions(report):
    out, printed = report
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == printed
    assert len((out / "predictions.jsonl").read_text(encoding="utf-8").splitlines()) == 26
    for name in ("iou", "calibration", "case1"):
        with Image.open(out / "pictures" / f"{name}.png") as picture:
            assert np.ptp(np.asarray(picture.convert("L"))) > 100
    markdown = (out / "report.md").read_text(encoding="utf-8")
    for title in ("Region to text", "Reports", "Classification", "Paper-compatible", "Not run", "Worst answers"):
        assert f"## {title}" in markdown


def test_groups_of_figures_are_rows_and_measures_are_columns(report):
    markdown = (report[0] / "report.md").read_text(encoding="utf-8")
    assert "| English, closed |" in markdown
    assert "| Chinese, by character |" in markdown
    table = markdown.split("## Questions and answers")[1].split("## ")[0]
    heads = table.strip().splitlines()[0]
    assert heads.startswith("|  | accuracy |")
    assert heads.endswith("| n | patients |")
    # Of people, not of the program.
    for name in ("ci95", "rouge l", "bleu1"):
        assert name not in markdown.split("## Paper-compatible")[0]


def test_the_page_needs_no_other_file_and_no_network(report):
    page = (report[0] / "report.html").read_text(encoding="utf-8")
    assert "http" not in page.replace("http-equiv", "")
    assert 'src="data:image/png;base64,' in page
    assert "<script" not in page
    assert "Not for diagnostic use." in page


def test_a_finished_run_is_scored_again_without_asking_the_model(report, tiny_model, all_tasks):
    out, printed = report
    before = (out / "predictions.jsonl").read_bytes()
    result = CliRunner().invoke(evaluate, [str(tiny_model), str(all_tasks), "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["metrics"] == printed["metrics"]
    assert (out / "predictions.jsonl").read_bytes() == before


def test_markup_in_a_record_is_shown_not_run(tiny_model, all_tasks, tmp_path):
    folder = tmp_path / "hostile"
    shutil.copytree(all_tasks, folder)
    file = folder / "all.jsonl"
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()][:1]
    lines[0]["conversations"][1]["value"] = "<script>alert(1)</script> | x"
    file.write_text(json.dumps(lines[0]) + "\n", encoding="utf-8")
    result = CliRunner().invoke(evaluate, [str(tiny_model), str(folder), "--out", str(tmp_path / "r")])
    assert result.exit_code == 0, result.output
    assert "<script" not in (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in (tmp_path / "r" / "report.md").read_text(encoding="utf-8")


def test_a_folder_that_is_no_model_is_named(tmp_path, all_tasks):
    from engine.runtime import ModelError
    from training.evaluation.answering import open_answerer

    with pytest.raises(ModelError, match=str(tmp_path)):
        open_answerer(str(tmp_path))


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """An untrained encoder with a tokenizer of characters."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {token: i for i, token in enumerate([*marks, *"abcdefghijklmnopqrstuvwxyz肝脏脾正常"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    return folder


def test_bertscore_and_chexbert_run_with_a_local_model_alone(bert):
    from training.evaluation.judges import Judges

    judges = Judges(bertscore=bert, chexbert=bert)
    assert judges.bert_f1(["liver", "spleen"], ["liver", "spleen"]) == pytest.approx(1.0, abs=1e-5)
    different = judges.bert_f1(["liver", "spleen"], ["spleen", "clear"])
    assert different is not None
    assert different < 0.99
    assert judges.chexbert_similarity(["liver"], ["liver"]) == pytest.approx(1.0, abs=1e-5)
    assert "bertscore" not in judges.not_run()
    assert Judges().bert_f1(["a"], ["a"]) is None


def test_a_folder_without_a_judging_model_is_named(tmp_path):
    from training.evaluation.judges import JudgeError, Judges

    with pytest.raises(JudgeError, match=str(tmp_path)):
        Judges(bertscore=tmp_path).bert_f1(["a"], ["a"])


def test_the_model_card_is_written_from_the_run(tiny_model, all_tasks, tmp_path):
    from engine.runtime import ModelManifest

    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    facts = tmp_path / "facts.toml"
    facts.write_text('"trained on" = "nothing"\n[sections]\n"Limits" = "It guesses."\n', encoding="utf-8")
    result = CliRunner().invoke(evaluate, [str(folder), str(all_tasks), "--card", str(facts)])
    assert result.exit_code == 0, result.output
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "| trained on | nothing |" in card
    assert "## Limits\n\nIt guesses." in card
    failures = card.partition("## Failures")[2].partition("\n## ")[0]
    assert failures.count("\n| ") > 3, "a random model fails, and the card says where"
    for title in ("| reports, en |", "| grounded reports, zh |", "| boxes of grounded reports |"):
        assert title in card
    recalls = next(line for line in card.splitlines() if line.startswith("| mean of per-label recalls"))
    assert " to " in recalls, "with its interval"
    assert "region_to_text_accuracy" in ModelManifest.read(folder).scores
    labels = ModelManifest.read(folder).scores["labels"]
    assert labels
    assert set(labels) <= {label.id for label in ModelManifest.read(folder).labels()}


def test_a_labels_score_counts_both_languages():
    from engine.regions import Label, LabelSet
    from training.card import label_scores

    none = {"n": 0, "accuracy": None, "iou": None}
    strata = {
        "liver": {"region_to_text": {"n": 3, "accuracy": 1.0}, "text_to_region": {"n": 1, "iou": 0.5}},
        "肝脏": {"region_to_text": {"n": 1, "accuracy": 0.0}, "text_to_region": none},
        "(several)": {"region_to_text": {"n": 9, "accuracy": 0.0}, "text_to_region": none},
    }
    labels = LabelSet([Label("liver", "liver", "肝脏"), Label("spleen", "spleen", "脾脏")])
    assert label_scores(labels, strata) == {"liver": {"named": 0.75, "named_of": 4, "overlap": 0.5, "found_of": 1}}
