"""The installation by ./dp: two first commands at the same moment do not build the same environment."""

from __future__ import annotations

import threading
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from local.settings import ROOT


@pytest.fixture
def dp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program as a module, which installs elsewhere."""
    module = SourceFileLoader("dp", str(ROOT / "dp")).load_module()
    monkeypatch.setattr(module, "CLOUD", tmp_path / ".local" / "cloud-venv")
    return module


def test_one_command_installs_while_the_other_waits_and_says_so(dp: Any, capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []
    waits, proceeds = threading.Event(), threading.Event()

    def install_too() -> None:
        waits.set()
        with dp.alone():
            order.append("second")
            proceeds.set()

    second = threading.Thread(target=install_too)
    with dp.alone():
        second.start()
        waits.wait()
        told = ""
        while "waiting" not in told and not proceeds.is_set():
            told += capsys.readouterr().out
        assert not proceeds.is_set()
        order.append("first")
    second.join()
    assert order == ["first", "second"]
    assert "another ./dp installs" in told


def test_an_installation_that_failed_leaves_the_way_free(dp: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError), dp.alone():
        raise OSError("no network")
    with dp.alone():
        pass
    assert capsys.readouterr().out == ""
