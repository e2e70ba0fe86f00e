"""What `medrega suggest` can ask: its options, which of them go together, and the question they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import click

from engine.asked import question_fields
from engine.cli.options import BoxType
from engine.protocol import AnswerForm, Grounding, Located, Recognition, Task, default_grounding
from engine.regional_cot import Arm
from engine.regions import Box

Command = TypeVar("Command", bound=Callable[..., Any])

_ASKING = "--box, --find, --ground, --ask, --report or --diagnose"
_FORMS = [form.value for form in AnswerForm if form is not AnswerForm.OPTION]


class NamedBoxType(click.ParamType[Any]):
    """NAME=X1,Y1,X2,Y2."""

    name = "NAME=X1,Y1,X2,Y2"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Box]:
        """Read a name and a box."""
        if isinstance(value, tuple):
            return value
        name, equals, numbers = str(value).rpartition("=")
        if not equals or not name.strip():
            self.fail(f"{value!r} is not a name, an equals sign and a box", param, ctx)
        return name.strip(), BoxType().convert(numbers, param, ctx)


def question_options(command: Command) -> Command:
    """Every option that is part of a question, in the order of the help."""
    for option in reversed(
        (
            click.option("--box", type=BoxType(), help="What is in this box? Pixels of the stored slice."),
            click.option(
                "--find", "names", multiple=True, metavar="NAME", help="Where is this? May be given several times."
            ),
            click.option(
                "--ground",
                multiple=True,
                is_flag=False,
                flag_value="",
                metavar="[NAME]",
                help="Describe this and say where it is; everything without a name. Put it after SCAN.",
            ),
            click.option(
                "--grounding",
                type=click.Choice([one.value for one in Grounding]),
                help="What --ground describes. Default: chest for an X-ray, else organ.",
            ),
            click.option("--ask", "text", metavar="TEXT", help="Any question, in words."),
            click.option("--answer", type=click.Choice(_FORMS), help="What --ask wants to hear. Default: phrase."),
            click.option("--option", "choices", multiple=True, metavar="TEXT", help="A possible answer to --ask."),
            click.option("--report", is_flag=True, help="Write a report."),
            click.option("--diagnose", metavar="LABELS", help="Which of these is it? With commas between them."),
            click.option("--several", is_flag=True, help="More than one label of --diagnose may hold."),
            click.option("--none-label", default="", metavar="LABEL", help='The label that means "none of them".'),
            click.option(
                "--of",
                "recognition",
                type=click.Choice([one.value for one in Recognition]),
                help="What the labels of --diagnose are. Default: disease.",
            ),
            click.option(
                "--cot",
                type=click.Choice([one.value for one in Arm]),
                help="Ask in two passes, with regions: no, the model's own, given or random ones.",
            ),
            click.option("--cot-find", multiple=True, metavar="NAME", help="What the first pass looks for."),
            click.option("--cot-box", type=NamedBoxType(), multiple=True, help="A given region, in pixels."),
            click.option("--cot-seed", type=int, default=0, show_default=True, help="Of the random regions."),
        )
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class QuestionOptions:
    """The options as given; raises `click.UsageError` from `task` where they do not go together."""

    box: Box | None
    names: tuple[str, ...]
    ground: tuple[str, ...]
    grounding: str | None
    text: str | None
    answer: str | None
    choices: tuple[str, ...]
    report: bool
    diagnose: str | None
    several: bool
    none_label: str
    recognition: str | None
    cot: str | None
    cot_find: tuple[str, ...]
    cot_box: tuple[tuple[str, Box], ...]
    cot_seed: int

    @classmethod
    def take(cls, given: dict[str, Any]) -> QuestionOptions:
        """Out of all the options of a command, which loses them."""
        return cls(**{field.name: given.pop(field.name) for field in fields(cls)})

    def task(self) -> Task:
        """What is asked, once it is sure that the options mean one thing."""
        asked = {
            Task.REGION_TO_TEXT: self.box is not None,
            Task.TEXT_TO_REGION: bool(self.names),
            Task.GROUNDED_REPORT: bool(self.ground),
            Task.VQA: self.text is not None,
            Task.REPORT: self.report,
            Task.DIAGNOSIS: self.diagnose is not None,
        }
        tasks = [task for task, is_asked in asked.items() if is_asked]
        if len(tasks) != 1:
            raise click.UsageError(f"give one of {_ASKING}")
        (task,) = tasks
        cot = (Task.VQA, Task.DIAGNOSIS)
        for name, value, needs, wanted in (
            ("--grounding", self.grounding, (Task.GROUNDED_REPORT,), "--ground"),
            ("--answer", self.answer, (Task.VQA,), "--ask"),
            ("--option", self.choices, (Task.VQA,), "--ask"),
            ("--several", self.several, (Task.DIAGNOSIS,), "--diagnose"),
            ("--none-label", self.none_label, (Task.DIAGNOSIS,), "--diagnose"),
            ("--of", self.recognition, (Task.DIAGNOSIS,), "--diagnose"),
            ("--cot", self.cot, cot, "--ask or --diagnose"),
            ("--cot-find", self.cot_find, cot if self.cot else (), "--cot"),
            ("--cot-box", self.cot_box, cot if self.cot else (), "--cot"),
        ):
            if value and task not in needs:
                raise click.UsageError(f"{name} goes with {wanted}")
        if self.choices and self.answer:
            raise click.UsageError("give either --option or --answer")
        if self.cot == Arm.GIVEN and not self.cot_box:
            raise click.UsageError("--cot given needs --cot-box")
        if self.cot_box and self.cot not in (Arm.GIVEN, Arm.RANDOM):
            raise click.UsageError("--cot-box goes with --cot given or --cot random")
        return task

    def question(self, modality: str) -> dict[str, Any]:
        """What `engine.suggest.suggest` takes, the task included, for a scan of a DICOM modality."""
        task = self.task()
        if task is Task.REGION_TO_TEXT:
            return {"task": task, "box": self.box}
        if task is Task.TEXT_TO_REGION:
            return {"task": task, "names": self.names}
        if task is Task.GROUNDED_REPORT:
            grounding = Grounding(self.grounding) if self.grounding else default_grounding(modality)
            return {"task": task, "names": [name for name in self.ground if name], "grounding": grounding}
        if task is Task.VQA:
            form = AnswerForm.OPTION if self.choices else AnswerForm(self.answer or AnswerForm.PHRASE)
            return {"task": task, "text": self.text, "form": form, "options": self.choices}
        if task is Task.DIAGNOSIS:
            labels = (label.strip() for label in (self.diagnose or "").split(","))
            return {
                "task": task,
                "options": [label for label in labels if label],
                "several": self.several,
                "none_label": self.none_label,
                "recognition": Recognition(self.recognition or Recognition.DISEASE),
            }
        return {"task": task}

    def two_passes(self) -> dict[str, Any]:
        """What `engine.regional_cot.ask_by_regions` takes besides, nothing when one pass was asked for."""
        if self.cot is None:
            return {}
        boxes: dict[str, tuple[Box, ...]] = {}
        for name, box in self.cot_box:
            boxes[name] = (*boxes.get(name, ()), box)
        given = [Located(name, some) for name, some in boxes.items()]
        return {"arm": Arm(self.cot), "look_for": self.cot_find, "given": given, "seed": self.cot_seed}

    def fields(self, modality: str, found: Sequence[Located] = ()) -> dict[str, Any]:
        """The question as it is kept with its answer. found : the regions of the last pass."""
        arm = Arm(self.cot) if self.cot else Arm.NONE
        return question_fields(
            self.task(), self.question(modality), arm=arm, look_for=self.cot_find, found=found, seed=self.cot_seed
        )
