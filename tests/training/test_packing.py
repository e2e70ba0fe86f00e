"""Packed questions must cost and mean the same as questions asked alone."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from engine.models.registering import self_test_image  # noqa: E402
from engine.protocol import Language, Question, Task, prompt_from_user_text, user_text  # noqa: E402
from engine.regions import Box  # noqa: E402
from training.answers import answer_loss_sum, answer_states, log_total  # noqa: E402
from training.coordinates import coordinate_targets, next_digits  # noqa: E402
from training.drawing import digit_weights, reduced_weights  # noqa: E402
from training.model import image_tensor, load_model, tower_features  # noqa: E402
from training.packing import Branch, PackedQuestions, branch_attention, pack  # noqa: E402
from training.tokenizer import PromptEncoder, load_tokenizer  # noqa: E402
from training.trainer import packed_loss  # noqa: E402


@pytest.fixture(scope="module")
def side(tiny_checkpoint):
    model = load_model(tiny_checkpoint).eval()
    return model, PromptEncoder(load_tokenizer(tiny_checkpoint), model.config.image_seq_length)


def group(encoder: PromptEncoder, boxes: list[Box], answers: list[str]) -> PackedQuestions:
    branches = []
    prefix: list[int] = []
    for box, answer in zip(boxes, answers, strict=True):
        text = user_text(Question(Task.REGION_TO_TEXT, Language.EN, 100, 100, box=box))
        prefix, question = encoder.split_at_image(prompt_from_user_text(text))
        branches.append(Branch(tuple(question), tuple(encoder.answer_ids(answer))))
    return PackedQuestions(0, tuple(prefix), tuple(branches))


def test_the_loss_of_packed_questions_is_that_of_questions_alone(side):
    model, encoder = side
    boxes = [Box(1, 2, 30, 40), Box(50, 50, 90, 99), Box(10, 10, 20, 20)]
    answers = ["liver", "right kidney", "aorta"]
    images = torch.from_numpy(self_test_image(56))[None]
    whole = group(encoder, boxes, answers)

    def loss(packed: PackedQuestions) -> float:
        with torch.no_grad():
            return float(
                packed_loss(model, {"images": images, "packed": pack([packed], encoder.pad_id, encoder.image_tokens)})
            )

    alone = [replace(whole, branches=(branch,)) for branch in whole.branches]
    sizes = [len(branch.answer) for branch in whole.branches]
    expected = sum(loss(one) * size for one, size in zip(alone, sizes, strict=True)) / sum(sizes)
    assert loss(whole) == pytest.approx(expected, rel=1e-4)


def test_a_branch_sees_the_prefix_and_itself_only():
    allowed = branch_attention(torch.tensor([[0, 0, 1, 1, 2, -1]]))[0, 0]
    assert allowed.int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [1, 1, 0, 0, 0, 1],
    ]


def test_each_branch_begins_at_the_position_after_the_prefix(side):
    packed = pack([group(side[1], [Box(1, 2, 30, 40)] * 2, ["liver", "spleen"])], 0, side[1].image_tokens)
    whole = group(side[1], [Box(1, 2, 30, 40)], ["liver"])
    start = len(whole.prefix)
    first = len(whole.branches[0].question) + len(whole.branches[0].answer)
    assert packed.position_ids[0, start] == start
    assert packed.position_ids[0, start + first] == start


def test_text_can_never_become_a_control_token(side):
    with pytest.raises(ValueError, match="control token"):
        side[1].text_ids("a <|im_end|> in a report")


def test_what_could_stand_in_the_same_place_of_a_number_weighs_the_same():
    digits = {1, 2, 3}
    answer = [9, 1, 2, 3, 9, 2, 3, 9, 3, 9, 9]
    # A number of three digits, of two and of one, each with what ends it.
    assert digit_weights(answer, digits) == (1, 2, 1, 0.3, 1, 2, 1, 0.3, 2, 1, 1)


def test_the_likeliest_ids_are_the_likeliest_numbers_whatever_their_length():
    """Of a hundred numbers 90 have three digits: the weighted counts must not say that the others are likelier."""
    digits = set(range(10))
    end = 10
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for number in range(10, 1000, 9):
        answer = [*map(int, str(number)), end]
        # What stands behind the first two digits, for each first digit.
        counts[answer[0]][answer[2]] += digit_weights(answer, digits)[2]
    assert len(counts) == 9
    for said in counts.values():
        assert said[end] == pytest.approx(sum(said.values()) * 0.1, rel=0.5)


@pytest.mark.parametrize(("power", "ratio"), [(0.0, 25.0), (0.5, 5.0), (1.0, 1.0)])
def test_a_long_answer_outweighs_a_short_one_less_and_less(power: float, ratio: float):
    short, long = reduced_weights((1.0,) * 4, power), reduced_weights((1.0, 2.0, 0.2, 0.8) * 25, power)
    assert sum(long) / sum(short) == pytest.approx(ratio)
    assert long[1] / long[2] == pytest.approx(10)


def test_weights_stand_where_their_answers_are(side):
    whole = group(side[1], [Box(1, 2, 30, 40)] * 2, ["liver", "left kidney"])
    weighted = [
        replace(branch, weights=tuple(10.0 * number + k for k in range(len(branch.answer))))
        for number, branch in enumerate(whole.branches, start=1)
    ]
    packed = pack([replace(whole, branches=tuple(weighted))], 0, side[1].image_tokens)
    answered = packed.labels[0] != -100
    expected = [weight for branch in weighted for weight in branch.weights]
    assert packed.weights[0][answered].tolist() == expected


def test_an_id_that_is_chosen_among_few_competes_with_those_alone(side):
    model, encoder = side
    whole = group(encoder, [Box(1, 2, 30, 40), Box(50, 50, 90, 99)], ["liver", "right kidney"])
    images = torch.from_numpy(self_test_image(56))[None]
    first, second = whole.branches
    others = (first.answer[0], second.answer[0], 7)
    leaning = -2.0
    choices = tuple((one, leaning if one == 7 else 0.0) for one in others)
    chosen = replace(first, choices=(choices, *[()] * (len(first.answer) - 1)))
    packed = pack([replace(whole, branches=(chosen, second))], encoder.pad_id, encoder.image_tokens)
    free = pack([whole], encoder.pad_id, encoder.image_tokens)
    assert free.choices.shape == (*free.labels.shape, 0)
    with torch.no_grad():
        features = tower_features(model, image_tensor(images))
        difference = answer_loss_sum(model, free, features) - answer_loss_sum(model, packed, features)
        states = answer_states(model, packed, features)
        logits = model.lm_head(states[0])
    leant = logits[list(others)] + torch.tensor([0.0, 0.0, leaning])
    expected = logits.logsumexp(-1) - leant.logsumexp(-1)
    assert float(difference) == pytest.approx(float(expected), abs=1e-3)
    assert float(expected) > 1


def test_what_nobody_may_say_there_gets_no_gradient():
    logits = torch.randn(3, 9, requires_grad=True)
    choices = torch.tensor([[1, 4, -1], [-1, -1, -1], [0, 2, 8]])
    log_total(logits, choices, torch.zeros(3, 3)).sum().backward()
    assert logits.grad.isfinite().all()
    assert [row.nonzero().flatten().tolist() for row in logits.grad] == [[1, 4], list(range(9)), [0, 2, 8]]


class TestCoordinateTargets:
    DIGITS = tuple(range(10))
    OPEN, CLOSE, COMMA, NAME = 20, 21, 22, 30

    def answer(self, *numbers: int) -> list[int]:
        ids = [self.NAME, 7, self.OPEN]
        for number in numbers:
            ids += [*map(int, str(number)), self.COMMA]
        return [*ids[:-1], self.CLOSE, 4, self.NAME]

    def targets(self, *numbers: int, spread: float = 0.06):
        return coordinate_targets(self.answer(*numbers), (self.OPEN, self.CLOSE), self.DIGITS, spread)

    def test_a_digit_is_shared_with_its_neighbour_where_the_number_nearly_is_the_neighbours(self):
        targets = self.targets(300, 250, 700, 350)
        first = dict(targets[3])
        assert first[3] > first[2] > 0.4
        # Half a hundred from either neighbour, in a box that is a hundred high.
        assert dict(targets[7]) == {2: pytest.approx(1)}
        for shared in filter(None, targets):
            assert sum(share for _, share in shared) == pytest.approx(1)

    def test_a_small_box_is_meant_more_exactly_than_a_large_one(self):
        large, small = self.targets(395, 300, 795, 700), self.targets(395, 300, 435, 340)
        assert dict(large[3]).get(4, 0) > dict(small[3]).get(4, 0) * 2

    def test_the_border_of_the_image_is_exact_and_a_number_ends_where_it_did(self):
        targets = self.targets(0, 0, 999, 999)
        assert all(max(share for _, share in one) == pytest.approx(1) for one in targets if one)
        assert dict(self.targets(300, 250, 700, 350)[6]) == {self.COMMA: pytest.approx(1)}

    def test_numbers_outside_boxes_are_what_they_are(self):
        targets = self.targets(300, 250, 700, 350)
        assert targets[1] == targets[-2] == targets[0] == ()

    def test_drawing_the_digits_one_by_one_draws_the_gaussian(self):
        assert math.prod(share[int(digit)] for share, digit in zip(next_digits(98, 3.0), "98", strict=False)) * (
            next_digits(98, 3.0)[2][10]
        ) == pytest.approx(1 / sum(math.exp(-((one - 98) ** 2) / 18) for one in range(86, 111)))


def test_a_target_in_parts_has_the_parts_cross_entropy(side):
    """And one that is whole the loss that it had before: torch's own."""
    whole = group(side[1], [Box(1, 2, 30, 40)], ["liver"])
    (branch,) = whole.branches
    other = branch.answer[0] + 1
    parted = replace(branch, targets=(((branch.answer[0], 0.75), (other, 0.25)), *[()] * (len(branch.answer) - 1)))
    packed, hard = (pack([replace(whole, branches=(one,))], 0, side[1].image_tokens) for one in (parted, branch))
    answered = hard.answered
    assert hard.target_ids[:, 1:][answered][:, 0].tolist() == list(branch.answer)
    assert hard.target_shares[:, 1:][answered].sum(-1).tolist() == [1.0] * len(branch.answer)
    assert packed.target_ids[:, 1:][answered][0, :2].tolist() == [branch.answer[0], other]
    assert packed.target_shares[:, 1:][answered][0, :2].tolist() == [0.75, 0.25]
