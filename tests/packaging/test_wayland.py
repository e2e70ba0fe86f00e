"""The Wayland screen of the tests."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from console import SetupError
from wayland import has_weston, headless_weston


@pytest.mark.skipif(not has_weston(), reason="weston is not installed")
def test_weston_gives_a_private_socket_and_leaves_nothing_behind() -> None:
    with headless_weston() as variables:
        folder = Path(variables["XDG_RUNTIME_DIR"])
        assert (folder / variables["WAYLAND_DISPLAY"]).is_socket()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_a_weston_that_does_not_start_is_reported_with_its_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "weston"
    fake.write_text('#!/bin/sh\nfor a; do case $a in --log=*) echo "no backend" > "${a#--log=}";; esac; done; exit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SetupError, match="no backend"), headless_weston():
        pass
