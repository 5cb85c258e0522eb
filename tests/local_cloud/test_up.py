"""./dp up where something is in its way. What it deploys is left out here."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
import requests
from botocore.config import Config

from local import alone, cli, demo, deploy, supervisor, synth
from local.settings import ROOT, LocalSettings, load
from local.testing import Cloud

PROGRAM = """
import sys, time
from pathlib import Path
from local import cli, demo, deploy, synth

def deployed(settings, out):
    while not (cli.FOLDER / "go on").exists():
        time.sleep(0.05)
    return []

cli.FOLDER = Path(sys.argv[1])
synth.synthesize, deploy.deploy = lambda settings: None, deployed
demo.seed, demo.show = lambda settings: [], lambda settings, tenants: None
sys.exit(cli.up(sys.argv[2:]))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a local cloud that is not there yet."""
    monkeypatch.setattr(alone, "_held", held := list[int]())
    monkeypatch.setattr(cli, "FOLDER", tmp_path / "state")
    monkeypatch.setattr(synth, "synthesize", lambda settings: None)
    monkeypatch.setattr(deploy, "deploy", lambda settings, out: [])
    monkeypatch.setattr(demo, "seed", lambda settings: [])
    monkeypatch.setattr(demo, "show", lambda settings, tenants: None)
    yield tmp_path / "state"
    for file in held:
        os.close(file)
    if settings := load(tmp_path / "state"):
        supervisor.stop(settings)


@pytest.fixture
def first() -> int:
    """The first of twenty free ports."""
    while True:
        found = random.randrange(15_000, 30_000)  # below those that the system gives to outgoing connections
        if not any(is_taken(port) for port in range(found, found + 20)):
            return found


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def options(first: int) -> list[str]:
    return ["--port", str(first), "--region-port", str(first + 2)]


@contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of before may linger
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


@pytest.mark.slow
@pytest.mark.parametrize("use", range(5))
def test_a_port_that_is_taken_is_named_and_another_can_be_chosen(
    folder: Path, first: int, use: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with listening(first + use):
        assert cli.up(options(first)) == 1
        told = capsys.readouterr().out
        assert f"port {first + use} is taken; stop what listens there, or choose others: ./dp up --port N" in told
        assert [each.name for each in folder.iterdir()] == ["settings.json"], "nothing was started"
        if use == 4:
            others = first + 10
            assert cli.up(options(others)) == 0
            assert supervisor.running(settings_of(folder)) and settings_of(folder).port == others


def settings_of(folder: Path) -> LocalSettings:
    settings = load(folder)
    assert settings is not None
    return settings


@pytest.mark.slow
def test_the_ports_of_a_cloud_that_has_run_stay(folder: Path, first: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.up(options(first)) == 0
    assert "the ports stay" not in capsys.readouterr().out
    supervisor.stop(settings_of(folder))
    Cloud.eventually(lambda: not is_taken(first))  # its process ends just after it has stored its state
    with listening(first):
        assert cli.up([]) == 1
        assert (
            "or choose others: ./dp reset, which deletes everything, then ./dp up --port N" in capsys.readouterr().out
        )
    assert cli.up(options(first + 10)) == 0
    assert "the ports stay those of the first start" in capsys.readouterr().out
    assert settings_of(folder).port == first


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--port", "0"], "from 1 to 65535"),
        (["--port", "65535"], "from 1 to 65535"),
        (["--region-port", "65534"], "from 1 to 65535"),
        (["--port", "8100"], "port 8101 would have two uses"),
        (["--port", "8103"], "port 8103 would have two uses"),
    ],
)
def test_ports_that_cannot_be_are_refused(
    folder: Path, words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.up(words) == 2
    assert reason in capsys.readouterr().out
    assert not folder.exists()


def test_a_port_of_the_environment_that_is_no_number_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCPLATFORM_PORT", "nonsense")
    with pytest.raises(SystemExit):
        cli.up([])
    assert "invalid int value: 'nonsense'" in capsys.readouterr().err
    assert not folder.exists()


@pytest.mark.slow
def test_of_two_at_the_same_moment_one_goes_on(folder: Path, first: int) -> None:
    command = [sys.executable, "-c", PROGRAM, str(folder), *options(first)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    Cloud.eventually(lambda: any(each.poll() is not None for each in both))
    (refused,) = (each for each in both if each.poll() is not None)
    (going_on,) = (each for each in both if each is not refused)
    assert (refused.returncode, refused.communicate()[0].strip()) == (1, cli.BUSY)
    Cloud.eventually(lambda: supervisor.running(settings_of(folder)) != 0)
    assert not alone_elsewhere(folder), "./dp reset would be refused, too"
    (folder / "go on").touch()
    told, _ = going_on.communicate()
    assert going_on.returncode == 0, told
    assert "ready" in told
    assert alone_elsewhere(folder)


def alone_elsewhere(folder: Path) -> bool:
    """Whether another process could claim the cloud."""
    code = "import sys; from pathlib import Path; from local.alone import claim; print(claim(Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip() == "True"


def test_a_reset_waits_for_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.mkdir()
    monkeypatch.setattr(cli, "claim", lambda _: False)
    assert cli.reset(["--yes"]) == 1
    assert capsys.readouterr().out.strip() == cli.BUSY
    assert folder.exists()


def _asks_by_requests(port: int) -> None:
    requests.get(f"http://127.0.0.1:{port}", timeout=5)


def _asks_by_the_sdk(port: int) -> None:
    boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}),
    ).get_caller_identity()


def _asks_by_urllib(port: int) -> None:
    urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=5)


@pytest.mark.parametrize("asks", [_asks_by_requests, _asks_by_the_sdk, _asks_by_urllib])
def test_a_cloud_that_gives_no_answer_is_a_sentence_and_no_traceback(
    first: int, asks: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "status", lambda words: asks(first) or 0)
    assert cli.main(["status"]) == 1
    assert "the local cloud does not answer" in capsys.readouterr().out


def test_a_cloud_that_does_not_end_is_a_sentence_and_a_fault_of_ours_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def raises(error: Exception) -> None:
        def command(words: list[str]) -> int:
            raise error

        monkeypatch.setitem(cli.COMMANDS, "down", command)

    raises(supervisor.CannotStop("the local cloud (process 7) does not end"))
    assert cli.main(["down"]) == 1
    assert "process 7" in capsys.readouterr().out
    raises(OSError("the disk"))
    with pytest.raises(OSError, match="the disk"):
        cli.main(["down"])


def test_an_interrupted_command_ends_without_a_traceback(tmp_path: Path) -> None:
    """As in a terminal: the signal goes to ./dp and to the command that it runs."""
    program = tmp_path / "dp"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    program.write_text(
        "import os, signal, sys; from importlib.machinery import SourceFileLoader\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background command ignores it
        f"dp = SourceFileLoader('dp', {str(ROOT / 'dp')!r}).load_module()\n"
        "dp.ready, dp.interpreter = lambda *_: None, lambda _: sys.executable\n"
        "sys.argv[1:] = ['reset']\n"
        "sys.exit(dp.main())\n"
    )
    command = subprocess.Popen(
        [sys.executable, str(program)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert command.stdout and os.read(command.stdout.fileno(), 1_000).startswith(b"This deletes")  # and it waits
    os.killpg(command.pid, signal.SIGINT)
    out, errors = command.communicate(timeout=60)
    assert (command.returncode, errors) == (130, b"")
    assert b"interrupted" in out
