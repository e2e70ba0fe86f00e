"""What the model runs on is chosen in the window, and told when it is not what was wanted."""

from __future__ import annotations

import pytest

pytest.importorskip("PySide6")

from desktop.panels.device_menu import DeviceMenu
from engine.runtime import Device, EngineEvent, Lack, Offload, read_choices, registry


@pytest.fixture
def settings(tmp_path, monkeypatch):
    folders = (tmp_path / "models", tmp_path / "shipped")
    monkeypatch.setattr(registry, "model_folders", lambda: folders)
    return folders[0] / "settings.json"


def opened(driver):
    menu = driver.window.findChildren(DeviceMenu)[0]
    menu.aboutToShow.emit()
    return menu


def texts(menu):
    return [action.text() for action in menu.actions()]


def checked(menu):
    return [action.text() for action in menu.actions() if action.isChecked()]


def action(menu, text):
    return next(one for one in menu.actions() if one.text() == text)


def test_a_choice_holds_at_once_and_after_the_next_start(open_window, settings, tmp_path):
    driver = open_window(warm=True)
    driver.until(lambda: driver.window.asking.session.pid is not None)
    menu = opened(driver)
    assert checked(menu) == ["Automatic"]
    first = driver.window.asking.session.pid
    action(menu, "Processor (CPU)").trigger()
    assert read_choices().device == Device.parse("cpu")
    # It is loaded again by itself.
    driver.until(lambda: driver.window.asking.session.pid not in (None, first))
    assert driver.window.asking.session.offload.text == "CPU"
    driver.window.close()
    again = open_window(database=tmp_path / "a.sqlite")
    assert checked(opened(again)) == ["Processor (CPU)"]


def test_one_gpu_of_several_is_shown_when_it_was_chosen_elsewhere(open_window, settings):
    driver = open_window()
    driver.window.model_manager.use_device(Device.parse("cuda:2"))
    menu = opened(driver)
    assert checked(menu) == ["NVIDIA GPU 2"]
    assert texts(menu) == ["Automatic", "Processor (CPU)", "NVIDIA GPU", "NVIDIA GPU 2"]
    driver.window.set_interface_language("zh_CN")
    driver.until(lambda: texts(menu) == ["自动", "处理器（CPU）", "NVIDIA GPU", "NVIDIA GPU 2"])
    driver.window.set_interface_language("en")


def test_people_are_told_when_less_goes_to_the_gpu_than_was_wanted(open_window):
    driver = open_window()
    asking, notices = driver.window.asking, driver.window.notice_bar
    part = Offload(("CUDA0 (a card)",), 45, 61, True)
    asking.engine_event.emit(EngineEvent("fallback", "in English", "signal 6", part))
    assert "45 of 61 layers" in notices.text
    for lack, words in ((Lack.DRIVER, "no NVIDIA driver"), (Lack.CUDA, "make run CUDA=1"), (Lack.MEMORY, "memory")):
        asking.engine_event.emit(EngineEvent("fallback", "in English", "", Offload(lack=lack)))
        assert words in notices.text
    asking.engine_event.emit(EngineEvent("ready", "in English", "", part))
    assert "45 of 61 layers" in driver.window.status.currentMessage()
