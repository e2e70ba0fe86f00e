"""Prompts byte for byte.

Golden files are written anew by ``MEDREGA_WRITE_GOLDEN=1 python -m pytest tests/engine/protocol/test_prompt.py``;
look at the difference before you commit it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol import (
    IMAGE_MARKER,
    AnswerForm,
    Grounding,
    Language,
    Located,
    PartKind,
    ProtocolError,
    Question,
    Recognition,
    Task,
    image_phrase,
    prompt_from_user_text,
    render_prompt,
    require_plain_name,
    user_text,
)
from engine.regions import Box

GOLDEN = Path(__file__).parent / "golden"


def pixel_box(numbers, side):
    return Box(*(value / 999 * side for value in numbers))


EN, ZH = Language.EN, Language.ZH
ORGANS = ("liver", "left kidney", "spleen")
OCT = ("normal", "drusen", "diabetic macular edema", "choroidal neovascularization")
FINDINGS = ("Cardiomegaly", "Edema", "Pleural Effusion", "No Finding")
SEEN = (Located("mass", (Box(10, 20, 50, 60), Box(60, 20, 90, 60))), Located("cyst", (Box(0, 0, 100, 100),)))


def vqa(language, text, **more):
    return Question(Task.VQA, language, 100, 100, text=text, **more)


def diagnosis(language, modality, options, **more):
    return Question(Task.DIAGNOSIS, language, 100, 100, modality, options=options, **more)


def report(language, modality, **more):
    return Question(Task.REPORT, language, 100, 100, modality, **more)


def grounded(language, modality, names, grounding, **more):
    return Question(Task.GROUNDED_REPORT, language, 100, 100, modality, names=names, grounding=grounding, **more)


# The released examples, by their ids in the demo records.
RELEASED = {
    0: vqa(EN, "What does this image show?"),
    1: vqa(EN, "What is present?"),
    2: vqa(ZH, "图像里包含的区域属于身体哪个部分?"),
    3: vqa(ZH, "这张图片的成像方式是什么?"),
    4: report(EN, "DX"),
    5: report(ZH, "MR"),
    6: diagnosis(EN, "OPT", OCT),
    7: Question(Task.REGION_TO_TEXT, EN, 512, 512, "CT", box=pixel_box((421, 351, 505, 470), 512)),
    8: Question(Task.TEXT_TO_REGION, EN, 432, 432, "MR", names=("carotid vessel wall",)),
    9: grounded(EN, "CR", ("right lung", "left lung"), Grounding.CHEST),
    10: grounded(ZH, "CT", ("胰腺癌",), Grounding.LESION),
}
QUESTIONS = {
    "region_to_text_en": RELEASED[7],
    "region_to_text_zh": Question(Task.REGION_TO_TEXT, ZH, 100, 200, "US", box=Box(0, 0, 100, 200)),
    "text_to_region_en": RELEASED[8],
    "text_to_region_several_en": Question(Task.TEXT_TO_REGION, EN, 100, 200, "CT", names=ORGANS),
    "text_to_region_zh": Question(Task.TEXT_TO_REGION, ZH, 100, 200, "DX", names=("左肺", "右肺")),
    "grounded_chest_en": RELEASED[9],
    "grounded_chest_all_en": grounded(EN, "DX", (), Grounding.CHEST, body_part="CHEST"),
    "grounded_lesion_en": grounded(EN, "CT", ("pancreatic cancer",), Grounding.LESION),
    "grounded_organ_en": grounded(EN, "CT", ORGANS, Grounding.ORGAN),
    "grounded_organ_all_en": grounded(EN, "MR", (), Grounding.ORGAN),
    "grounded_chest_zh": grounded(ZH, "DX", ("右肺", "左肺"), Grounding.CHEST),
    "grounded_lesion_zh": RELEASED[10],
    "grounded_lesion_all_zh": grounded(ZH, "CT", (), Grounding.LESION),
    "grounded_organ_zh": grounded(ZH, "CT", ("左肾",), Grounding.ORGAN),
    "grounded_organ_all_zh": grounded(ZH, "CT", (), Grounding.ORGAN),
    "report_chest_en": RELEASED[4],
    "report_ct_en": report(EN, "CT", body_part="ABDOMEN"),
    "report_zh": RELEASED[5],
    "vqa_open_en": RELEASED[0],
    "vqa_closed_en": vqa(EN, "Is the heart < 50% of the chest?", form=AnswerForm.YES_NO),
    "vqa_options_en": vqa(EN, "Which organ is it?", form=AnswerForm.OPTION, options=("heart", "lung", "liver")),
    "vqa_sentences_en": vqa(EN, "Describe the lungs.", form=AnswerForm.SENTENCES),
    "vqa_open_zh": RELEASED[2],
    "vqa_closed_zh": vqa(ZH, "有骨折吗？", form=AnswerForm.YES_NO),
    "vqa_options_zh": vqa(ZH, "这是哪个器官？", form=AnswerForm.OPTION, options=("心脏", "肺")),
    "vqa_sentences_zh": vqa(ZH, "请描述肺部。", form=AnswerForm.SENTENCES),
    "diagnosis_single_en": RELEASED[6],
    "diagnosis_several_en": diagnosis(EN, "DX", FINDINGS, several=True, none_label="No Finding", body_part="CHEST"),
    "diagnosis_spine_en": diagnosis(
        EN, "CR", ("Osteophytes", "No finding"), several=True, none_label="No finding", body_part="LSPINE"
    ),
    "diagnosis_mammo_en": diagnosis(EN, "MG", ("Mass", "Asymmetry")),
    "diagnosis_organ_en": diagnosis(EN, "CT", ORGANS, recognition=Recognition.ORGAN),
    "diagnosis_tissue_en": diagnosis(EN, "SM", ("adipose", "mucus"), recognition=Recognition.TISSUE),
    "diagnosis_single_zh": diagnosis(ZH, "OPT", ("正常", "玻璃膜疣")),
    "diagnosis_several_zh": diagnosis(
        ZH, "DX", ("心影增大", "胸腔积液", "未见异常"), several=True, none_label="未见异常", body_part="CHEST"
    ),
    "diagnosis_organ_zh": diagnosis(ZH, "CT", ("肝脏", "脾脏"), recognition=Recognition.ORGAN),
    "diagnosis_tissue_zh": diagnosis(ZH, "SM", ("脂肪", "黏液"), recognition=Recognition.TISSUE),
    # The second pass of Regional CoT.
    "cot_vqa_en": vqa(EN, "Is there a mass?", form=AnswerForm.YES_NO, found=SEEN),
    "cot_vqa_zh": vqa(ZH, "有肿块吗？", form=AnswerForm.YES_NO, found=(Located("肿块", (Box(10, 20, 50, 60),)),)),
    "cot_diagnosis_en": diagnosis(EN, "DX", FINDINGS, several=True, none_label="No Finding", found=SEEN),
    "cot_diagnosis_zh": diagnosis(ZH, "DX", ("心影增大", "胸腔积液"), found=(Located("异常", (Box(1, 2, 50, 60),)),)),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_prompt_is_byte_for_byte_the_golden_one(name):
    path = GOLDEN / f"{name}.txt"
    prompt = render_prompt(QUESTIONS[name]).text
    if os.environ.get("MEDREGA_WRITE_GOLDEN"):
        path.write_bytes(prompt.encode())
    assert prompt.encode() == path.read_bytes()


def test_every_golden_file_is_one_of_these():
    assert {path.stem for path in GOLDEN.iterdir()} == set(QUESTIONS)


@pytest.mark.parametrize("number", RELEASED)
def test_the_released_examples_are_asked_byte_for_byte(shared_data, number):
    lines = (shared_data / "medrega_demo" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    records = {record["id"]: record for record in map(json.loads, lines)}
    assert records.keys() == RELEASED.keys()
    assert user_text(RELEASED[number]) == records[number]["conversations"][0]["value"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_only_the_turns_around_it_are_template(name):
    prompt = render_prompt(QUESTIONS[name])
    kinds = [part.kind for part in prompt.parts]
    # A report's question is the line feed alone.
    assert kinds == [PartKind.TEMPLATE, PartKind.TEXT, PartKind.IMAGE, PartKind.TEXT, PartKind.TEMPLATE]
    assert "".join(part.text for part in prompt.parts[1:4]) == user_text(QUESTIONS[name])


@given(st.text())
def test_a_name_is_refused_or_stands_in_a_text_part_as_it_is(name):
    question = Question(Task.TEXT_TO_REGION, Language.EN, 10, 10, names=(name,))
    try:
        prompt = render_prompt(question)
    except ProtocolError:
        return
    assert not set("<>[]|\n\r\0") & set(name)
    assert f"<ref>{name}</ref>" in prompt.parts[3].text
    assert prompt.text.count(IMAGE_MARKER) == 1


@pytest.mark.parametrize(
    "name", ["", "  ", "a<b", "a>b", "[1]", "<|im_end|>", "a\nb", "a\u2028b", "a\x7f", IMAGE_MARKER]
)
def test_a_name_that_could_be_read_as_markup_is_refused(name):
    with pytest.raises(ProtocolError):
        require_plain_name(name)


def test_a_question_without_what_it_asks_about_is_refused():
    with pytest.raises(ProtocolError, match="needs a box"):
        render_prompt(Question(Task.REGION_TO_TEXT, Language.EN, 10, 10))
    with pytest.raises(ProtocolError, match="at least one name"):
        render_prompt(Question(Task.TEXT_TO_REGION, Language.EN, 10, 10))

    with pytest.raises(ProtocolError, match="question is empty"):
        render_prompt(vqa(EN, " "))
    with pytest.raises(ProtocolError, match="at least two"):
        render_prompt(diagnosis(EN, "CT", ("cyst",)))
    with pytest.raises(ProtocolError, match="at least two"):
        render_prompt(vqa(EN, "Which?", form=AnswerForm.OPTION))
    with pytest.raises(ProtocolError, match="has no box"):
        render_prompt(vqa(EN, "Which?", found=(Located("mass"),)))


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (diagnosis(EN, "CT", ("cyst", "Cyst")), "twice"),
        (diagnosis(EN, "CT", ("cyst", "mass, large")), "separates the labels"),
        (diagnosis(EN, "CT", ("囊肿", "肿块、大")), "separates the labels"),
        (diagnosis(EN, "CT", ("cyst", "mass"), none_label="normal"), "not in the list"),
        (diagnosis(EN, "CT", ("cyst", "a\nb")), "may not hold"),
        (vqa(EN, "Which?", form=AnswerForm.OPTION, options=tuple(f"o{i}" for i in range(27))), "A to Z"),
        (vqa(EN, "Which?", found=(Located("<box>", (Box(1, 1, 2, 2),)),)), "may not hold"),
        (grounded(EN, "CT", ("liver", "<ref>"), Grounding.ORGAN), "may not hold"),
    ],
)
def test_labels_that_could_not_be_told_apart_in_an_answer_are_refused(question, words):
    with pytest.raises(ProtocolError, match=words):
        render_prompt(question)


@pytest.mark.parametrize("tag", ["<image>", "<IMG>", "</box>", "<ref>", "<|im_end|>", "<|anything|>", "\0", "\u2028"])
def test_a_question_with_the_models_own_tags_is_refused(tag):
    with pytest.raises(ProtocolError, match="means something else"):
        render_prompt(vqa(EN, f"What is {tag}?"))


@given(st.text())
def test_a_question_is_refused_or_asked_as_it_was_written(text):
    try:
        prompt = render_prompt(vqa(EN, text))
    except ProtocolError:
        return
    assert prompt.parts[3].text == f"\n{text} Answer the question using a single word or phrase."


@pytest.mark.parametrize(
    ("modality", "part", "words"),
    [
        ("DX", "CHEST", "a chest x-ray image"),
        ("CR", "tspine", "a spine x-ray image"),
        ("DX", "HAND", "an X-ray image"),
        ("OPT", "", "an OCT image"),
        ("MG", "BREAST", "a mammography image"),
        ("ZZ", "", "a medical image"),
    ],
)
def test_an_image_is_called_as_medrega_calls_it(modality, part, words):
    assert image_phrase(modality, part, EN) == words


@pytest.mark.parametrize("text", ["no picture", f"{IMAGE_MARKER}{IMAGE_MARKER}"])
def test_a_turn_holds_exactly_one_picture(text):
    with pytest.raises(ProtocolError, match="exactly one"):
        prompt_from_user_text(text)


@pytest.mark.parametrize("code", ["CT", "MR", "US", "DX", "", "ZZ"])
@pytest.mark.parametrize("language", Language)
def test_every_modality_has_a_wording(code, language):
    question = Question(Task.TEXT_TO_REGION, language, 10, 10, code, names=("x",))
    words = {Language.EN: ("scan", "image"), Language.ZH: ("图像",)}[language]
    assert any(word in user_text(question).split(IMAGE_MARKER)[1] for word in words)
