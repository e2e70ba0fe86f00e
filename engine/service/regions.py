"""The typed questions: what `medrega suggest` asks, and its JSON for an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.labels import Label, LabelSet, builtin_ontology
from engine.protocol import AnswerForm, Task, default_grounding
from engine.runtime import ModelManifest
from engine.service.desk import Turn
from engine.service.forms import AskForm, DiagnoseForm, FindForm, GroundForm, NameForm, PictureForm, ReportForm
from engine.service.pictures import Slice, wanted_slice
from engine.service.post import Post
from engine.suggest import suggest, suggest_each
from engine.suggestion import Suggestion
from engine.suggestion_json import suggestion_to_json

Ask = Callable[[Turn, Slice], Sequence[Suggestion]]


async def name(post: Post, form: NameForm, request: Request) -> Response:
    """What is in each of some boxes?"""
    boxes, labels = form.all_boxes(), _labels(form.labels, post.desk(form.model).manifest)

    def ask(turn: Turn, where: Slice) -> list[Suggestion]:
        return [_one(turn, where, form, task=Task.REGION_TO_TEXT, box=box, labels=labels) for box in boxes]

    return _list(await _answers(post, form, request, ask))


async def find(post: Post, form: FindForm, request: Request) -> Response:
    """Where is each of some things? All of them are answered together."""

    def ask(turn: Turn, where: Slice) -> Sequence[Suggestion]:
        place = (turn.session, where.volume, where.plane, where.index, where.window)
        return suggest_each(*place, language=form.language, names=form.names, cancelled=turn.cancelled)

    return _list(await _answers(post, form, request, ask))


async def ground(post: Post, form: GroundForm, request: Request) -> Response:
    """A report whose sentences have places."""
    labels = _labels(form.labels, post.desk(form.model).manifest)

    def ask(turn: Turn, where: Slice) -> list[Suggestion]:
        grounding = form.grounding or default_grounding(where.volume.modality)
        what = {"names": form.names, "grounding": grounding, "labels": labels}
        return [_one(turn, where, form, task=Task.GROUNDED_REPORT, **what)]

    return _single(await _answers(post, form, request, ask))


async def report(post: Post, form: ReportForm, request: Request) -> Response:
    """A report in words."""

    def ask(turn: Turn, where: Slice) -> list[Suggestion]:
        return [_one(turn, where, form, task=Task.REPORT)]

    return _single(await _answers(post, form, request, ask))


async def ask_in_words(post: Post, form: AskForm, request: Request) -> Response:
    """Any question."""
    answer = AnswerForm.OPTION if form.options else form.answer

    def ask(turn: Turn, where: Slice) -> list[Suggestion]:
        return [_one(turn, where, form, task=Task.VQA, text=form.text, form=answer, options=form.options)]

    return _single(await _answers(post, form, request, ask))


async def diagnose(post: Post, form: DiagnoseForm, request: Request) -> Response:
    """One label of some, or several of them."""

    def ask(turn: Turn, where: Slice) -> list[Suggestion]:
        what = {"options": form.labels, "several": form.several, "none_label": form.none_label}
        return [_one(turn, where, form, task=Task.DIAGNOSIS, recognition=form.recognition, **what)]

    return _single(await _answers(post, form, request, ask))


async def _answers(post: Post, form: PictureForm, request: Request, ask: Ask) -> Sequence[Suggestion]:
    desk = post.desk(form.model)
    volume = await post.read(form.image, "image")

    def work(turn: Turn, _: Callable[[object], None]) -> Sequence[Suggestion]:
        return ask(turn, wanted_slice(volume, form))

    asking = desk.put(work)
    try:
        return await asking.answer(request)
    finally:
        asking.give_up()


def _one(turn: Turn, where: Slice, asked: PictureForm, **question: Any) -> Suggestion:
    place = (turn.session, where.volume, where.plane, where.index, where.window)
    return suggest(
        *place,
        language=asked.language,
        cancelled=turn.cancelled,
        on_piece=lambda _: turn.heard(),
        **question,
    )


def _labels(names: Sequence[str] | None, manifest: ModelManifest) -> LabelSet | None:
    """Labels for some names: the model's where it knows them, the ontology's, or what the name says."""
    if names is None:
        return None
    known = manifest.labels()
    found = (known.find(one) or builtin_ontology().find(one) or _own(one.strip()) for one in names)
    return LabelSet(dict.fromkeys(found))


def _own(name: str) -> Label:
    return Label(name, name, name)


def _list(suggestions: Sequence[Suggestion]) -> JSONResponse:
    documents = [suggestion_to_json(one) for one in suggestions]
    return JSONResponse({"object": "list", "data": documents})


def _single(suggestions: Sequence[Suggestion]) -> JSONResponse:
    return JSONResponse(suggestion_to_json(suggestions[0]))
