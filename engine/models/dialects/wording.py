"""Questions about places in plain words, for models that learnt none of MedRegA's prompts. All of it is ours."""

from __future__ import annotations

from engine.protocol import Grounding, Language, Question, modality_phrase


def ask_where(question: Question, things: str, form: str) -> str:
    """Where are these? things : the names, as the dialect marks them. form : how to answer, a sentence."""
    where = modality_phrase(question.modality, question.language)
    if question.language is Language.ZH:
        return f"请在这张{where}中定位以下目标，给出所有区域：{things}。{form}"
    return f"Locate every region of the following in this {where}: {things}. {form}"


def ask_what(question: Question, region: str) -> str:
    """What is in this region? region : as the dialect writes a box."""
    where = modality_phrase(question.modality, question.language)
    if question.language is Language.ZH:
        return f"这张{where}中区域{region}是什么？请只回答名称。"
    return f"What is in the region {region} of this {where}? Answer with its name only."


def ask_report(question: Question, things: str, form: str) -> str:
    """Where are these, and what is to be said of them? things : "" for whatever there is."""
    where = modality_phrase(question.modality, question.language)
    lesion = question.grounding is Grounding.LESION
    if question.language is Language.ZH:
        wanted = things or ("每个病变" if lesion else "每个器官")
        return f"请在这张{where}中定位并描述：{wanted}。{form}"
    wanted = things or ("each lesion" if lesion else "each organ")
    return f"Locate the following in this {where} and describe the condition of each: {wanted}. {form}"
