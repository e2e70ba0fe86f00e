"""Several images in one row: none sees another, and the loss is that of rows of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from training.answers import answer_loss_sum  # noqa: E402
from training.attention import AttentionGuide  # noqa: E402
from training.model import load_model, tower_features  # noqa: E402
from training.packing import Branch, PackedQuestions, fill_rows, pack  # noqa: E402


@pytest.fixture(scope="module")
def model(tiny_checkpoint):
    return load_model(tiny_checkpoint).eval()


def group(model, image: int, first: int, looks: int | None = None) -> PackedQuestions:
    prefix = (3, *[model.config.image_token_id] * model.config.image_seq_length, 4)
    shown = ((), ()) if looks is None else ((looks,), (looks,))
    branches = (
        Branch((first, first + 1), (first + 2, first + 3), (), shown),
        Branch((first + 4,), (first + 5, 2), (), shown),
    )
    return PackedQuestions(image, prefix, branches)


def loss_sum(model, groups, length: int, features) -> float:
    with torch.no_grad():
        return float(answer_loss_sum(model, pack(groups, 0, model.config.image_seq_length, length), features))


def test_packed_documents_lose_what_they_lose_alone(model):
    torch.manual_seed(0)
    features = tower_features(model, torch.randn(3, 3, 56, 56)).detach()
    groups = [group(model, image, 20 + 10 * image) for image in range(3)]
    together = loss_sum(model, groups, 1000, features)
    assert pack(groups, 0, model.config.image_seq_length, 1000).input_ids.shape[0] == 1
    alone = sum(loss_sum(model, [replace(one, image=0)], 0, features[one.image][None]) for one in groups)
    assert together == pytest.approx(alone, rel=1e-5)


def test_nothing_leaks_from_one_document_into_another(model):
    """The first document's hidden states and gradients do not change with the second, to the last bit of the mask."""
    torch.manual_seed(0)
    features = tower_features(model, torch.randn(2, 3, 56, 56)).detach().requires_grad_(True)
    first, second = group(model, 0, 20), group(model, 1, 40)
    batch = pack([first, second], 0, model.config.image_seq_length, 1000)
    labels = batch.labels.masked_fill(batch.documents != 0, -100)
    answer_loss_sum(model, replace(batch, labels=labels), features).backward()
    assert features.grad[0].abs().sum() > 0
    assert features.grad[1].abs().sum() == 0
    same = batch.documents[0][:, None] == batch.documents[0][None]
    assert not (batch.attention[0, 0] & ~same).any()


def test_positions_begin_anew_in_each_document(model):
    batch = pack([group(model, 0, 20), group(model, 1, 40)], 0, model.config.image_seq_length, 1000)
    starts = (batch.documents[0] == 1).nonzero().flatten()[0]
    assert batch.position_ids[0, 0] == 0
    assert batch.position_ids[0, starts] == 0


def test_guided_heads_look_at_the_image_of_their_own_document(model):
    torch.manual_seed(0)
    features = tower_features(model, torch.randn(2, 3, 56, 56)).detach()
    groups = [group(model, 0, 20, looks=1), group(model, 1, 40, looks=2)]
    guide = AttentionGuide(model.model.language_model)

    def guided(groups, length, features):
        batch = pack(groups, 0, model.config.image_seq_length, length)
        with torch.no_grad(), guide.watching():
            answer_loss_sum(model, batch, features)
        return float(guide.loss(batch, model.config.image_token_id))

    assert guided(groups, 1000, features) == pytest.approx(guided(groups, 0, features), rel=1e-5)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 80))
def test_rows_hold_every_group_once_and_no_more_than_fits(lengths, length):
    rows = fill_rows(lengths, length)
    assert sorted(number for row in rows for number in row) == list(range(len(lengths)))
    assert all(sum(lengths[number] for number in row) <= length or len(row) == 1 for row in rows)
