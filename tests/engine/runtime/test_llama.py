"""The real llama.cpp, on random models: nothing here is trained, so only its mechanics are tested."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.progress import Cancelled
from engine.protocol import (
    AnswerForm,
    Grounding,
    Language,
    PartKind,
    Prompt,
    PromptPart,
    Question,
    Task,
    answer_grammar,
    parse_answer,
    render_prompt,
)
from engine.regions import Box
from engine.runtime import Absence, AskRequest, EngineError, ModelError, QuestionError, scoring
from engine.runtime.llama import LlamaModel, log_softmax
from engine.runtime.offload import IN_32_BITS
from engine.runtime.writing import Writer, goes_in_circles

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>")
NAMES = ("liver", "spleen", "left kidney", "right kidney", "左肾", "a")
WHAT = Question(Task.REGION_TO_TEXT, Language.EN, 120, 100, box=Box(1, 2, 50, 60))
WHERE = Question(Task.TEXT_TO_REGION, Language.ZH, 120, 100, "MR", names=("肝", "spleen (left) 5%"))
LABELS = ("cyst", "mass", "No Finding")
TASKS = {
    "grounded": Question(Task.GROUNDED_REPORT, Language.EN, 120, 100, names=("right lung", "left lung", 'a "b" \\')),
    "grounded_zh": Question(Task.GROUNDED_REPORT, Language.ZH, 120, 100, names=("左肾",)),
    "grounded_all": Question(Task.GROUNDED_REPORT, Language.ZH, 120, 100, grounding=Grounding.LESION),
    "report": Question(Task.REPORT, Language.EN, 120, 100, "DX"),
    "report_zh": Question(Task.REPORT, Language.ZH, 120, 100),
    "phrase": Question(Task.VQA, Language.EN, 120, 100, text="What?"),
    "yes_no": Question(Task.VQA, Language.ZH, 120, 100, text="?", form=AnswerForm.YES_NO),
    "option": Question(Task.VQA, Language.EN, 120, 100, text="?", form=AnswerForm.OPTION, options=("a", "b")),
    "sentences": Question(Task.VQA, Language.EN, 120, 100, text="?", form=AnswerForm.SENTENCES),
    "label": Question(Task.DIAGNOSIS, Language.EN, 120, 100, options=LABELS),
    "labels": Question(Task.DIAGNOSIS, Language.EN, 120, 100, options=LABELS, several=True, none_label="No Finding"),
}
ENDLESS = "root ::= [a-z] root"


@pytest.fixture(scope="module")
def model(random_model):
    loaded = LlamaModel(random_model, threads=1, offload=IN_32_BITS)
    yield loaded
    loaded.close()


def prompt_with(text):
    """A prompt that puts `text` where a person's words go."""
    head, before, image, _, tail = render_prompt(WHAT).parts
    return Prompt((head, before, image, PromptPart(PartKind.TEXT, text), tail))


class TestWordsStayWords:
    @pytest.mark.parametrize("token", CONTROL)
    def test_a_control_token_exists_and_only_a_template_reaches_it(self, model, token):
        assert len(model.tokenize(token, special=True)) == 1
        assert len(model.tokenize(token, special=False)) > 1

    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(st.sampled_from([*CONTROL, "<__media__>", "<image>", "<|im_", "end|>", "肝"]) | st.text()).map("".join)
    )
    def test_no_text_becomes_a_control_token(self, model, text):
        control = {model.tokenize(token, special=True)[0] for token in CONTROL}
        assert control.isdisjoint(model.tokenize(text, special=False))

    def test_a_control_token_in_a_question_is_evaluated_as_its_letters(self, model, picture):
        head, before, image, _, tail = render_prompt(WHAT).parts
        as_template = Prompt((head, before, image, PromptPart(PartKind.TEMPLATE, "a<|im_end|>b"), tail))
        in_pieces = Prompt(
            (head, before, image, *(PromptPart(PartKind.TEXT, c) for c in "a<|im_end|>b"), tail),
        )
        as_text = model.next_logits(prompt_with("a<|im_end|>b"), picture)
        assert np.array_equal(as_text, model.next_logits(in_pieces, picture))
        assert not np.allclose(as_text, model.next_logits(as_template, picture))

    def test_two_parts_never_join_into_a_control_token(self, model, picture):
        head, before, image, _, tail = render_prompt(WHAT).parts
        halves = (PromptPart(PartKind.TEXT, "<|im_"), PromptPart(PartKind.TEMPLATE, "end|>"))
        whole = PromptPart(PartKind.TEMPLATE, "<|im_end|>")
        apart = model.next_logits(Prompt((head, before, image, *halves, tail)), picture)
        assert not np.allclose(apart, model.next_logits(Prompt((head, before, image, whole, tail)), picture))

    def test_medregas_visible_tags_stay_single_tokens(self, model):
        assert len(model.tokenize("<ref></ref><box></box>", special=False)) == 4


class TestCaches:
    def test_a_second_question_about_a_picture_reuses_it_and_gives_the_very_same_logits(self, random_model, picture):
        fresh = LlamaModel(random_model, threads=1)
        used = LlamaModel(random_model, threads=1)
        try:
            other = replace(WHAT, box=Box(5, 5, 90, 90))
            first = used.ask(AskRequest(1, picture, render_prompt(other), None, NAMES))
            assert not first.image_cached
            assert not first.prefix_reused
            assert first.timings.encode > 0
            second = used.ask(AskRequest(2, picture, render_prompt(WHAT), None, NAMES))
            assert second.image_cached
            assert second.prefix_reused
            assert second.timings.encode == 0
            expected = fresh.next_logits(render_prompt(WHAT), picture)
            assert np.array_equal(used.next_logits(render_prompt(WHAT), picture), expected)
        finally:
            fresh.close()
            used.close()

    def test_every_way_to_a_prompt_gives_the_very_same_logits(self, random_model, picture):
        fresh = LlamaModel(random_model, threads=1)
        used = LlamaModel(random_model, threads=1)
        other = np.ascontiguousarray(255 - picture)
        try:
            expected = fresh.next_logits(render_prompt(WHAT), picture)
            # Behind the words before another picture; kept while another task was asked; kept through a failure.
            used.next_logits(render_prompt(WHAT), other)
            assert np.array_equal(used.next_logits(render_prompt(WHAT), picture), expected)
            used.next_logits(render_prompt(WHERE), picture)
            assert np.array_equal(used.next_logits(render_prompt(WHAT), picture), expected)
            with pytest.raises(Cancelled):
                used.ask(AskRequest(1, other, render_prompt(WHERE), ENDLESS, (), 1500), lambda: True)
            again = used.ask(AskRequest(2, picture, render_prompt(WHAT), None, NAMES))
            assert again.prefix_reused
            assert np.array_equal(used.next_logits(render_prompt(WHAT), picture), expected)
        finally:
            fresh.close()
            used.close()

    def test_what_is_kept_stays_within_its_memory(self, model, picture):
        limit, model._beginnings.prefixes._limit = model._beginnings.prefixes._limit, 3 * 200_000
        try:
            for number in range(12):
                model.next_logits(render_prompt(WHAT), np.full_like(picture, number))
                assert model._beginnings.prefixes.bytes <= model._beginnings.prefixes._limit
            expected = model.next_logits(render_prompt(WHAT), picture)
            model._beginnings.forget()
            assert model._beginnings.prefixes.bytes == 0
            assert np.array_equal(model.next_logits(render_prompt(WHAT), picture), expected)
        finally:
            model._beginnings.prefixes._limit = limit

    def test_a_prepared_picture_needs_only_the_questions_own_words(self, model, picture):
        fresh = np.ascontiguousarray(picture[::-1])
        done = model.ask(replace(AskRequest(1, fresh, render_prompt(WHAT)), prepare=True))
        assert (done.raw, done.pieces, done.choices) == ("", (), ())
        result = model.ask(AskRequest(2, fresh, render_prompt(WHAT), None, NAMES))
        assert result.image_cached
        assert result.prefix_reused

    def test_another_picture_is_never_answered_from_the_cache(self, model, picture):
        here = model.next_logits(render_prompt(WHAT), picture)
        there = model.next_logits(render_prompt(WHAT), 255 - picture)
        assert not np.allclose(here, there)
        assert np.array_equal(model.next_logits(render_prompt(WHAT), picture), here)

    def test_another_task_has_another_preamble_and_keeps_the_encoded_picture(self, model, picture):
        model.ask(AskRequest(1, picture, render_prompt(WHAT), None, NAMES))
        result = model.ask(AskRequest(2, picture, render_prompt(WHERE), None, NAMES))
        assert result.image_cached
        assert not result.prefix_reused


class TestChoices:
    def by_hand(self, model, prompt, picture, names):
        """Log-probability of each name and its end, one token at a time in a prompt of its own."""
        end = model.tokenize("<|im_end|>", special=True)[0]
        scores = []
        for name in names:
            total, parts = 0.0, list(prompt.parts)
            for token, piece in [(t, model._vocabulary.piece(t).decode()) for t in model.tokenize(name, special=False)]:
                total += log_softmax(model.next_logits(Prompt(tuple(parts)), picture))[token]
                parts.append(PromptPart(PartKind.TEXT, piece))
            scores.append(total + log_softmax(model.next_logits(Prompt(tuple(parts)), picture))[end])
        return np.array(scores)

    @pytest.mark.parametrize("at_once", [0, 128])
    def test_all_give_what_one_token_at_a_time_gives(self, model, picture, monkeypatch, at_once):
        monkeypatch.setattr(scoring, "LEFT_OPEN", 0.0)
        monkeypatch.setattr(scoring, "_ONE_BATCH", at_once)
        # One is the beginning of another, and two are that of none.
        names = ("liver", "left kidney cyst", "left kidney", "left lung", "left", "the", "a")
        prompt = render_prompt(WHAT)
        scores = self.by_hand(model, prompt, picture, names)
        expected = np.exp(scores - np.logaddexp.reduce(scores))
        result = model.ask(AskRequest(1, picture, prompt, None, names))
        got = {choice.text: choice.probability for choice in result.choices}
        assert [got[name] for name in names] == pytest.approx(expected, rel=1e-3)

    def test_they_are_ranked_and_sum_to_one_and_the_best_is_the_answer(self, model, picture):
        result = model.ask(AskRequest(1, picture, render_prompt(WHAT), None, NAMES))
        probabilities = [choice.probability for choice in result.choices]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1)
        assert result.raw == result.choices[0].text
        assert result.finished
        assert {choice.text for choice in result.choices} == set(NAMES)

    def test_equal_names_count_once(self, model, picture):
        once = model.ask(AskRequest(1, picture, render_prompt(WHAT), None, ("a", "b")))
        twice = model.ask(AskRequest(1, picture, render_prompt(WHAT), None, ("a", "b", "a", "a")))
        assert [c.text for c in twice.choices] == [c.text for c in once.choices]
        assert twice.choices[0].probability == pytest.approx(once.choices[0].probability, rel=1e-4)

    def test_more_names_than_fit_at_once_are_scored_in_rounds(self, model, picture):
        many = tuple(
            f"{a}{b} region of the {c}" for a in "abcdefgh" for b in "ijklmnop" for c in ("left", "right", "x")
        )
        result = model.ask(AskRequest(1, picture, render_prompt(WHAT), None, many))
        got = {choice.text: choice.probability for choice in result.choices}
        pair = (many[0], many[-1])
        alone = {
            c.text: c.probability for c in model.ask(AskRequest(1, picture, render_prompt(WHAT), None, pair)).choices
        }
        ratio = alone[pair[0]] / alone[pair[1]]
        assert len(got) == len(many) == 192
        assert got[pair[0]] / got[pair[1]] == pytest.approx(ratio, rel=1e-3)

    MANY = tuple(f"{a} {b} {c}" for a in ("left", "right", "x") for b in ("lung", "liver", "a") for c in "abcdef")

    def test_what_is_left_open_changes_no_probability_by_more(self, model, picture, monkeypatch):
        # Cold, so that most of the names hardly count.
        request = AskRequest(1, picture, render_prompt(WHAT), None, self.MANY, temperature=0.2)
        rows: list[int] = []
        run = model._context.run
        monkeypatch.setattr(model._context, "run", lambda some, wanted: rows.append(len(some)) or run(some, wanted))
        got = {choice.text: choice.probability for choice in model.ask(request).choices}
        quick = sum(rows)
        rows.clear()
        monkeypatch.setattr(scoring, "LEFT_OPEN", 0.0)
        exact = {choice.text: choice.probability for choice in model.ask(request).choices}
        assert quick < sum(rows) - 10
        assert max(abs(got[name] - exact[name]) for name in exact) <= 0.005
        assert sum(got.values()) == pytest.approx(1)

    @pytest.mark.parametrize(("name", "least"), [("MAX_SEQUENCES", 3), ("BATCH", 16)])
    def test_with_little_room_they_are_scored_in_rounds(self, model, picture, monkeypatch, name, least):
        request = AskRequest(1, picture, render_prompt(WHAT), None, self.MANY)
        expected = {choice.text: choice.probability for choice in model.ask(request).choices}
        monkeypatch.setattr(scoring, name, least)
        got = {choice.text: choice.probability for choice in model.ask(request).choices}
        assert got == pytest.approx(expected, rel=1e-3)

    def test_they_fit_however_little_context_the_prompt_leaves(self, make_model, picture):
        needed = 560
        small = LlamaModel(make_model(0, context_length=needed), threads=1, offload=IN_32_BITS)
        try:
            many = tuple(f"{a}{b}" for a in "abcdefghijklmnopqrstuvwxyz" for b in "abcdefghij")
            question = replace(WHAT, modality="CT")
            assert len(small.ask(AskRequest(1, picture, render_prompt(question), None, many)).choices) == 260
        finally:
            small.close()

    def test_a_temperature_flattens_and_changes_no_order(self, model, picture):
        plain = model.ask(AskRequest(1, picture, render_prompt(WHAT), None, NAMES)).choices
        flat = model.ask(AskRequest(1, picture, render_prompt(WHAT), None, NAMES, temperature=4.0)).choices
        assert [one.text for one in flat] == [one.text for one in plain]
        powers = np.array([one.probability for one in plain]) ** 0.25
        assert [one.probability for one in flat] == pytest.approx(powers / powers.sum())

    @pytest.mark.parametrize("at_once", [0, 128])
    def test_what_is_known_beforehand_weighs_each(self, model, picture, monkeypatch, at_once):
        monkeypatch.setattr(scoring, "LEFT_OPEN", 0.0)
        monkeypatch.setattr(scoring, "_ONE_BATCH", at_once)
        worth = np.array([1.0, 0.02, 5.0, 0.5, 1.0, 0.1])
        request = AskRequest(1, picture, render_prompt(WHAT), None, NAMES)
        plain = {one.text: one.probability for one in model.ask(request).choices}
        weighed = model.ask(replace(request, leanings=tuple(np.log(worth)), temperature=2.0))
        expected = np.sqrt([plain[name] * value for name, value in zip(NAMES, worth, strict=True)])
        expected /= expected.sum()
        assert [one.text for one in weighed.choices] == [NAMES[i] for i in np.argsort(-expected)]
        got = {one.text: one.probability for one in weighed.choices}
        assert [got[name] for name in NAMES] == pytest.approx(expected, rel=1e-3)
        assert weighed.raw == weighed.choices[0].text

    def test_what_is_left_open_is_never_what_leans_most(self, model, picture):
        request = AskRequest(1, picture, render_prompt(WHAT), None, self.MANY, temperature=0.2)
        last = model.ask(request).choices[-1].text
        leaning = tuple(300.0 * (name == last) for name in self.MANY)
        best = model.ask(replace(request, leanings=leaning)).choices[0]
        assert best.text == last
        assert best.probability > 0.99

    def test_a_leaning_for_each_choice_or_none(self, model, picture):
        with pytest.raises(QuestionError, match="6 choices with 1 leanings"):
            model.ask(AskRequest(1, picture, render_prompt(WHAT), None, NAMES, leanings=(0.0,)))

    def test_scoring_leaves_no_trace_in_the_next_question(self, model, picture):
        before = model.next_logits(render_prompt(WHAT), picture)
        model.ask(AskRequest(1, picture, render_prompt(WHAT), None, NAMES))
        assert np.array_equal(model.next_logits(render_prompt(WHAT), picture), before)

    def test_a_name_longer_than_the_context_is_refused(self, model, picture):
        with pytest.raises(EngineError, match="shorten the name"):
            model.ask(AskRequest(1, picture, render_prompt(WHAT), None, ("x" * 3000,)))


class TestGrammar:
    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("language", Language)
    def test_any_models_answer_to_where_parses(self, make_model, picture, seed, language):
        question = Question(Task.TEXT_TO_REGION, language, 120, 100, names=("liver", 'a "b" \\ c', "左肾"))
        model = LlamaModel(make_model(seed), threads=1)
        try:
            request = AskRequest(1, picture, render_prompt(question), answer_grammar(question), (), 1600)
            result = model.ask(request)
        finally:
            model.close()
        answer = parse_answer(result.raw, question)
        named = list(dict.fromkeys(item.name for item in answer.located))
        # Of a name whose boxes have no area nothing is left.
        assert named == [name for name in question.names if name in named]
        assert "".join(piece.text for piece in result.pieces) == result.raw
        if result.finished and not answer.malformed:
            assert named == list(question.names)
        for item in answer.located:
            assert item.boxes or item.not_present
            for box in item.boxes:
                box.require_inside(question.width, question.height)

    @pytest.mark.parametrize("name", TASKS)
    def test_llama_cpp_takes_every_tasks_grammar_and_its_answer_is_read(self, model, picture, name):
        question = TASKS[name]
        for names in ((), NAMES):
            grammar = answer_grammar(question, names)
            result = model.ask(AskRequest(1, picture, render_prompt(question), grammar, (), 300))
            answer = parse_answer(result.raw, question)
            assert answer.text
            if result.finished:
                assert not answer.malformed or question.task is Task.GROUNDED_REPORT
            for item in answer.located:
                for box in item.boxes:
                    box.require_inside(question.width, question.height)

    @pytest.mark.parametrize("seed", range(3))
    def test_any_models_answer_to_what_is_a_plain_phrase(self, make_model, picture, seed):
        model = LlamaModel(make_model(seed), threads=1)
        try:
            free = model.ask(AskRequest(1, picture, render_prompt(WHAT), answer_grammar(WHAT)))
            listed = model.ask(AskRequest(2, picture, render_prompt(WHAT), answer_grammar(WHAT, NAMES)))
        finally:
            model.close()
        assert free.finished
        assert 1 <= len(free.raw) <= 80
        assert not set(free.raw) & set("<>[]\n\r")
        assert listed.raw in NAMES

    def test_a_pieces_probability_is_among_all_tokens_not_among_the_allowed_ones(self, model, picture):
        result = model.ask(AskRequest(1, picture, render_prompt(WHERE), answer_grammar(WHERE), (), 1))
        logits = model.next_logits(render_prompt(WHERE), picture)
        ref = model.tokenize("<ref>", special=False)[0]
        assert result.pieces[0].text == "<ref>"
        assert result.pieces[0].logprob == pytest.approx(log_softmax(logits)[ref])
        assert result.pieces[0].logprob < -0.01

    def test_an_answer_cut_short_says_so(self, model, picture):
        result = model.ask(AskRequest(1, picture, render_prompt(WHAT), ENDLESS, (), 7))
        assert len(result.raw) >= 7
        assert not result.finished

    def test_an_endless_answer_ends_with_the_context(self, make_model, picture):
        small = LlamaModel(make_model(0, context_length=600), threads=1)
        try:
            result = small.ask(AskRequest(1, picture, render_prompt(WHAT), ENDLESS, (), 10_000))
        finally:
            small.close()
        assert not result.finished
        assert 0 < len(result.pieces) < 600

    def test_a_text_that_goes_in_circles_is_ended_and_one_that_must_go_on_goes_on(self, model, picture):
        ended = model.ask(AskRequest(1, picture, render_prompt(WHAT), 'root ::= "no "{30,}', (), 400))
        assert (ended.raw, ended.finished) == ("no " * 30, False)
        two = 'root ::= "no "{30,} "\\n" "yes "{30,}'
        both = model.ask(AskRequest(1, picture, render_prompt(WHAT), two, (), 400))
        assert (both.raw, both.finished) == ("no " * 30 + "\n" + "yes " * 30, False)
        # Where no end and no line break may stand, it is a matter of the limit alone.
        endless = model.ask(AskRequest(1, picture, render_prompt(WHAT), 'root ::= "no " root', (), 60))
        assert len(endless.pieces) == 60

    def test_a_grammar_that_is_none_is_refused(self, model, picture):
        with pytest.raises(EngineError, match="refuses the grammar"):
            model.ask(AskRequest(1, picture, render_prompt(WHAT), "root ::= ("))


@pytest.mark.parametrize(
    ("tokens", "circles"),
    [
        ([], False),
        ([1] * 11, False),
        ([1] * 12, True),
        ([9, 8, *[1] * 12], True),
        ([*[1] * 12, 2], False),
        ([1, 2] * 6, True),
        ([1, 2] * 5, False),
        ([1, 2, 3, 4, 5] * 4, True),
        ([1, 2, 3, 4, 5] * 3, False),
        ([*range(24)] * 4, True),
        ([*range(25)] * 4, False),
    ],
)
def test_circles(tokens, circles):
    assert goes_in_circles(tokens) == circles


class TestAbsence:
    """Behind a name an answer goes one of two ways; which one it takes can be a matter of the odds."""

    def ask(self, model, picture, question, below=None, words="：未见"):
        absence = Absence(words, below)
        request = AskRequest(1, picture, render_prompt(question), answer_grammar(question), (), 1600, absence=absence)
        return model.ask(request)

    def test_the_odds_of_every_name_are_told_and_change_nothing(self, model, picture):
        plain = model.ask(AskRequest(1, picture, render_prompt(WHERE), answer_grammar(WHERE), (), 1600))
        told = self.ask(model, picture, WHERE)
        assert plain.presence == ()
        assert len(told.presence) == len(WHERE.names)
        assert (told.raw, told.pieces) == (plain.raw, plain.pieces)

    def test_they_are_those_of_a_box_against_the_words_behind_the_name(self, model, picture):
        """Forced to go either way, it tells what it thought of the token that it had to take."""
        taken = {}
        for below in (-1e9, 1e9):
            result = self.ask(model, picture, WHERE, below)
            ends = np.cumsum([len(piece.text) for piece in result.pieces])
            behind = int(np.searchsorted(ends, len(f"<ref>{WHERE.names[0]}</ref>"))) + 1
            taken[below] = (result.pieces[behind], result.presence[0])
        (box, odds), (absent, same) = taken.values()
        # Of a character of several tokens the first one has no text.
        assert (box.text, absent.text) == ("<box>", "")
        assert odds == pytest.approx(box.logprob - absent.logprob, abs=1e-4)
        assert same == pytest.approx(odds)

    def test_the_bound_decides_for_each_name_by_its_own_odds(self, model, picture):
        first = self.ask(model, picture, WHERE).presence[0]
        for below in (first - 0.01, first + 0.01, -1e9, 1e9):
            result = self.ask(model, picture, WHERE, below)
            located = parse_answer(result.raw, WHERE).located
            absent = {item.name for item in located if item.not_present}
            assert (WHERE.names[0] in absent) == (first < below)
            assert (WHERE.names[1] in absent) == (result.presence[1] < below)
            assert len(result.presence) == 2

    def test_answers_of_a_batch_have_their_odds(self, model, picture):
        questions = [replace(WHERE, names=(name,)) for name in ("肝", "脾", "左肾")]
        absence = Absence("：未见", 1e9)
        requests = [
            AskRequest(1, picture, render_prompt(one), answer_grammar(one), (), 400, absence=absence)
            for one in questions
        ]
        for question, result in zip(questions, model.ask_batch(requests), strict=True):
            assert len(result.presence) == 1
            assert result.raw == f"<ref>{question.names[0]}</ref>：未见"

    def test_a_name_that_is_described_with_the_next_one_cannot_be_denied(self, model, picture):
        question = TASKS["grounded"]
        result = self.ask(model, picture, question, -1e9, words=": not present")
        assert 1 <= len(result.presence) <= len(question.names)
        assert not any(item.not_present for item in parse_answer(result.raw, question).located)


class TestBatches:
    def test_answers_written_together_are_those_written_alone(self, model, picture):
        names = ("liver", "spleen", "left kidney", "a", "b", "c", "d", "e", "f", "g")
        asked = []
        for number, name in enumerate(names):
            question = replace(WHERE, language=Language.EN, names=(name,))
            asked.append(AskRequest(number, picture, render_prompt(question), answer_grammar(question), (), 300))
        together = model.ask_batch(asked)
        alone = [model.ask(one) for one in asked]
        assert [one.raw for one in together] == [one.raw for one in alone]
        assert [one.request_id for one in together] == list(range(10))
        assert all(one.pieces for one in together)

    def test_a_stopped_batch_leaves_the_next_answer_exact(self, model, picture):
        expected = model.ask(AskRequest(1, picture, render_prompt(WHAT), ENDLESS, (), 20))
        left = iter(range(40))
        with pytest.raises(Cancelled):
            model.ask_batch(
                [AskRequest(n, picture, render_prompt(WHAT), ENDLESS, (), 500) for n in range(4)],
                lambda: next(left, None) is None,
            )
        again = model.ask(AskRequest(3, picture, render_prompt(WHAT), ENDLESS, (), 20))
        assert again.pieces == expected.pieces


class TestStopping:
    def test_a_stop_is_seen_while_the_picture_is_encoded(self, model, picture):
        looks = 0

        def stopped():
            nonlocal looks
            looks += 1
            return True

        fresh = np.ascontiguousarray(picture[:, ::-1])
        with pytest.raises(Cancelled):
            model.ask(AskRequest(1, fresh, render_prompt(WHAT), None, NAMES), stopped)
        assert looks
        assert not model.ask(AskRequest(2, fresh, render_prompt(WHAT), None, NAMES)).image_cached

    @pytest.mark.parametrize("looks", [1, 5, 200])
    def test_a_stop_ends_the_answer_and_leaves_the_next_one_exact(self, model, picture, looks):
        expected = model.ask(AskRequest(1, picture, render_prompt(WHAT), ENDLESS, (), 20))
        left = iter(range(looks))
        with pytest.raises(Cancelled):
            model.ask(
                AskRequest(2, 255 - picture, render_prompt(WHERE), ENDLESS, (), 1500), lambda: next(left, None) is None
            )
        again = model.ask(AskRequest(3, picture, render_prompt(WHAT), ENDLESS, (), 20))
        assert again.raw == expected.raw
        assert again.pieces == expected.pieces


class TestRefusals:
    def test_a_question_longer_than_the_context_names_the_remedy(self, model, picture):
        with pytest.raises(QuestionError, match="ask about fewer names"):
            model.ask(AskRequest(1, picture, prompt_with("x" * 3000), None, NAMES))

    def test_half_a_character_is_refused(self, model, picture):
        with pytest.raises(QuestionError, match="surrogate"):
            model.ask(AskRequest(1, picture, prompt_with("\ud800"), None, NAMES))

    @pytest.mark.parametrize("kinds", ["TT", "TIIT", "TI"])
    def test_a_prompt_needs_one_picture_with_words_after_it(self, model, picture, kinds):
        parts = {"T": PromptPart(PartKind.TEXT, "a"), "I": PromptPart(PartKind.IMAGE, "<image>")}
        with pytest.raises(EngineError, match="exactly one picture"):
            model.ask(AskRequest(1, picture, Prompt(tuple(parts[kind] for kind in kinds)), None, NAMES))

    def test_a_manifest_with_another_number_of_image_tokens_is_found_out(self, random_model, picture):
        model = LlamaModel(replace(random_model, image_tokens=9), threads=1)
        try:
            with pytest.raises(ModelError, match="makes 4 tokens"):
                model.ask(AskRequest(1, picture, render_prompt(WHAT), None, NAMES))
        finally:
            model.close()

    def test_logits_that_are_no_numbers_are_an_error_not_an_answer(self):
        with pytest.raises(EngineError, match="not a number"):
            log_softmax(np.array([0.0, np.nan], np.float32))


class TestNumbers:
    """A coordinate's last digit may be any of ten, each less likely than the comma that would end the number early."""

    @staticmethod
    def scores(model, **odds: float):
        """Log-probabilities of some texts' tokens; all others next to never."""
        found = np.full(model._vocabulary.size, -50.0)
        for text, share in odds.items():
            (token,) = model.tokenize({"comma": ",", "a": "a"}.get(text, text.removeprefix("_")), special=False)
            found[token] = np.log(share)
        return found

    def test_a_number_goes_on_where_digits_together_are_likelier_than_its_end(self, model):
        def said(**odds):
            token = model._vocabulary.number_goes_on(self.scores(model, **odds))
            return None if token is None else model._vocabulary.piece(token)

        spread = {f"_{digit}": 0.07 for digit in range(10)}
        assert said(comma=0.25, **spread | {"_4": 0.09}) == b"4"
        assert said(comma=0.75, **{f"_{digit}": 0.02 for digit in range(10)}) == b","
        assert said(a=0.6, comma=0.1, _1=0.3) is None

    @pytest.mark.parametrize(
        ("grammar", "written"), [('root ::= [0-9]+ ","', "64"), ('root ::= [0-9] ","', "6,"), (None, "6,")]
    )
    def test_under_a_grammar_a_number_is_not_cut_short(self, model, grammar, written):
        spread = self.scores(model, comma=0.3, **{f"_{digit}": 0.06 for digit in range(10)} | {"_4": 0.1})
        writer = Writer(model._vocabulary, grammar, 8)
        try:
            # Beyond the first token the context is asked only where the grammar refuses the likeliest.
            writer.take(None, 0, self.scores(model, _6=1.0))
            writer.take(None, 0, spread)
            assert "".join(piece.text for piece in writer.pieces()) == written
        finally:
            writer.close()
