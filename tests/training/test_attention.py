"""Guided attention: which image tokens a box covers, and that the loss is that of the model's own attention."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from engine.models.registering import self_test_image  # noqa: E402
from engine.protocol import Language, Task  # noqa: E402
from training.attention import AttentionGuide, answer_looks, tokens_in_boxes  # noqa: E402
from training.model import load_model  # noqa: E402
from training.packing import Branch, PackedQuestions, pack  # noqa: E402
from training.records import Record  # noqa: E402
from training.tokenizer import PromptEncoder, load_tokenizer  # noqa: E402
from training.trainer import packed_loss  # noqa: E402

DIGITS = frozenset(range(30, 40))


def record(task: Task, human: str, gpt: str) -> Record:
    return Record("1", "a.png", 8, 8, human, gpt, task, Language.EN, "CT", "p")


def test_tokens_are_those_that_the_box_fills_enough():
    assert tokens_in_boxes([(0, 0, 999, 999)], 2) == (0, 1, 2, 3)
    assert tokens_in_boxes([(0, 0, 520, 480)], 2) == (0,)
    assert tokens_in_boxes([(600, 600, 999, 999)], 2) == (3,)
    assert tokens_in_boxes([(0, 0, 100, 100), (900, 0, 999, 100)], 4) == (0, 3)


def test_a_box_smaller_than_a_token_is_seen_where_it_lies():
    assert tokens_in_boxes([(505, 505, 515, 515)], 2) == (3,)
    assert tokens_in_boxes([(490, 600, 510, 610)], 2) == (2, 3)


def test_a_written_box_looks_at_what_it_encloses_and_at_nothing_after_it():
    asked = record(
        Task.TEXT_TO_REGION,
        "Where?",
        "<ref>a</ref><box>[[0, 0, 499, 499]]</box><ref>b</ref><box>[[500, 500, 999, 999]]</box>",
    )
    opening, closing, other, end = 7, 8, 1, 9
    answer = [other, opening, other, other, closing, other, opening, other, closing, end]
    looks = answer_looks(asked, answer, (opening, closing), DIGITS, 2)
    assert looks == ((), (), (0,), (0,), (), (), (), (3,), (), ())


def test_each_box_of_a_list_is_looked_at_while_it_is_written():
    asked = record(
        Task.TEXT_TO_REGION,
        "Where?",
        "<ref>a</ref><box>[[0, 0, 499, 499], [500, 0, 999, 9], [500, 500, 999, 999]]</box>",
    )
    opening, closing, bracket, comma, digit = 7, 8, 1, 2, 30
    number = [digit, digit, comma]
    box = [bracket, *number, *number, *number, digit]
    answer = [opening, *box, comma, *box, comma, *box, bracket, closing]
    looks = answer_looks(asked, answer, (opening, closing), DIGITS, 2)
    # The comma after a box stands for the next one, which must be known before its first digit.
    assert looks == ((), *[(0,)] * 11, *[(1,)] * 12, *[(3,)] * 13, ())


def test_boxes_of_a_list_that_cannot_be_told_apart_are_all_looked_at():
    asked = record(Task.TEXT_TO_REGION, "Where?", "<ref>a</ref><box>[[0, 0, 499, 499], [500, 0, 999, 499]]</box>")
    assert answer_looks(asked, [7, 1, 1, 8], (7, 8), DIGITS, 2) == ((), (0, 1), (0, 1), ())


def test_a_name_looks_at_the_box_of_its_question():
    asked = record(Task.REGION_TO_TEXT, "[x1, y1, x2, y2] What is <ref>this</ref><box>[[500, 0, 999, 499]]</box>?", "a")
    assert answer_looks(asked, [1, 2], (7, 8), DIGITS, 2) == ((1,), (1,))


def test_the_loss_is_minus_the_log_of_the_models_own_attention(tiny_checkpoint):
    model = load_model(tiny_checkpoint).eval()
    model.model.language_model.set_attn_implementation("eager")
    encoder = PromptEncoder(load_tokenizer(tiny_checkpoint), model.config.image_seq_length)
    image = [encoder.image_context_id] * encoder.image_tokens
    branches = tuple(Branch((20, 21, number), (31, 32), (), ((0, 3), ())) for number in (22, 23))
    packed = pack([PackedQuestions(0, (3, *image, 4), branches)], encoder.pad_id, encoder.image_tokens)
    images = torch.from_numpy(self_test_image(56))[None]
    guide = AttentionGuide(model.model.language_model)
    kept = []
    last = model.model.language_model.layers[-1].self_attn
    hook = last.register_forward_hook(lambda _module, _inputs, output: kept.append(output[1]))
    # The eager attention adds its mask.
    added = replace(packed, attention=torch.where(packed.attention, 0.0, -1e9))
    with torch.no_grad(), guide.watching():
        packed_loss(model, {"images": images, "packed": added})
        loss = guide.loss(packed, encoder.image_context_id)
    hook.remove()
    # The tiny model has two layers, so the last one is guided, in the first half of its heads.
    heads = max(1, kept[0].shape[1] // 2)
    start = len(image) + 2
    rows = kept[0][0, :heads][:, [start + 2, start + 7]]
    expected = -rows[..., [1, 4]].sum(dim=-1).log().mean()
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)


def test_training_on_the_loss_draws_the_attention_to_the_box(tiny_checkpoint):
    torch.manual_seed(0)
    model = load_model(tiny_checkpoint)
    encoder = PromptEncoder(load_tokenizer(tiny_checkpoint), model.config.image_seq_length)
    image = [encoder.image_context_id] * encoder.image_tokens
    branch = Branch((20, 21, 22), (31, 32), (), ((1,), (1,)))
    packed = pack([PackedQuestions(0, (3, *image, 4), (branch,))], encoder.pad_id, encoder.image_tokens)
    batch = {"images": torch.from_numpy(self_test_image(56))[None], "packed": packed}
    guide = AttentionGuide(model.model.language_model)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        with guide.watching():
            packed_loss(model, batch)
        loss = guide.loss(packed, encoder.image_context_id)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
