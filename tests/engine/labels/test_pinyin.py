"""Chinese names as they are typed."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.labels import builtin_ontology
from engine.labels.pinyin import spellings, typed_in


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("肺结节", "feijiejie"),
        ("肠梗阻", "changgengzu"),
        ("头臀长", "toutunchang"),
        ("椎骨", "zhuigu"),
        ("第三颈椎", "disanjingzhui"),
        ("肋骨", "leigu"),
        ("马尾", "mawei"),
        ("脑出血", "naochuxue"),
        ("脑出血", "naochuxie"),
        ("壳核", "qiaohe"),
        ("壳核", "kehe"),
        ("肺栓塞", "feishuansai"),
        ("肺栓塞", "feishuanse"),
        ("膀胱", "pangguang"),
        ("下颌骨", "xiahegu"),
        ("疟原虫", "nveyuanchong"),
        ("Z线", "zxian"),
        ("第12肋骨", "di12leigu"),
    ],
)
def test_a_name_is_spelled_as_doctors_say_it(name: str, typed: str) -> None:
    assert typed in [spelling.full for spelling in spellings(name)]


def test_every_chinese_name_of_the_ontology_has_pinyin_without_gaps() -> None:
    for label in builtin_ontology():
        for name in (label.zh, *label.synonyms_zh):
            for spelling in spellings(name):
                assert spelling.full.isascii(), name
            assert spellings(name) or name.isascii(), name
        assert spellings(label.zh), label.zh


@pytest.mark.parametrize(
    ("typed", "places"), [("f", (0, 1)), ("fjj", (0, 3)), ("feij", (0, 2)), ("jie", (1, 2)), ("feijj", (0, 3))]
)
def test_letters_find_their_characters(typed: str, places: tuple[int, int]) -> None:
    found = typed_in(typed, spellings("肺结节")[0])
    assert found is not None
    assert (found.start, found.stop) == places


def test_letters_that_are_not_in_the_name_do_not_fit() -> None:
    assert typed_in("feijiejiex", spellings("肺结节")[0]) is None
    assert typed_in("ei", spellings("肺结节")[0]) is None


@given(st.text(max_size=12))
def test_any_text_can_be_spelled_and_found_by_its_own_spelling(name: str) -> None:
    for spelling in spellings(name):
        assert len(spelling.syllables) == len(spelling.places)
        assert all(0 <= place < len(name) for place in spelling.places)
        assert typed_in(spelling.full, spelling) is not None
        assert typed_in(spelling.initials, spelling) is not None


def test_processes_that_never_search_do_not_load_the_dictionaries() -> None:
    code = "import engine.labels, engine.regions, sys; sys.exit('pypinyin' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
