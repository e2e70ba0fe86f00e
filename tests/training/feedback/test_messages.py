"""What the runs that the window starts can say when they fail has a Chinese sentence.

That no sentence is stale, and none loses a value, is looked at in ``tests/desktop/test_error_texts.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.desktop.engine_messages import feedback_templates

_CATALOGUE = Path(__file__).parents[3] / "resources" / "translations" / "errors_zh.json"
_PLACES = {"{0} line {1}", "{0}: {1}"}
"""Where something is. A sentence for it would turn every name with the word into half a sentence."""


def test_every_message_about_training_has_a_chinese_sentence() -> None:
    sections = json.loads(_CATALOGUE.read_text(encoding="utf-8"))
    known = set().union(*sections.values())
    assert "cannot read what the model remembers, {0}: {1}" in feedback_templates()
    assert sorted(feedback_templates() - known - _PLACES) == []
