"""The parser process: its permissions, its limits, and its end if a hostile file takes it over."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from docplatform.extraction import ParserFault, ReaderUnavailable, extract_text, render_preview, sandbox
from docplatform.extraction.model import ExtractionLimits, FileRejected, FileType, RejectionReason
from tests.extraction import hostile
from tests.extraction import samples as files
from tests.extraction.desk import Desk
from tests.extraction.impostor import DEEDS

pytestmark = pytest.mark.slow

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def children() -> list[Path]:
    """This process's parser processes, by their folders in /proc."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"extraction.worker" in (folder / "cmdline").read_bytes():
                found.append(folder)
        except OSError:
            continue
    return found


@LINUX
def test_the_parser_process_has_no_credentials_and_nothing_to_open(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "PASSWORD",
    ):
        monkeypatch.setenv(name, "secret")
    path = desk.put(hostile.pdf_endless_paths())
    refusals: list[FileRejected] = []

    def read() -> None:
        try:
            render_preview(path, FileType.PDF, limits=ExtractionLimits(seconds=3))
        except FileRejected as refused:
            refusals.append(refused)

    reading = threading.Thread(target=read)
    reading.start()
    seen: dict[str, str] = {}
    while reading.is_alive() and "Max open files            0 " not in seen.get("limits", ""):
        for child in children():
            try:
                seen = {name: (child / name).read_text(errors="replace") for name in ("environ", "limits")}
                seen["open"] = " ".join(sorted(entry.name for entry in (child / "fd").iterdir()))
            except OSError:
                continue
        time.sleep(0.01)
    reading.join()
    names = {entry.partition("=")[0] for entry in seen["environ"].split("\0") if entry}
    assert names <= {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "HOME"}
    assert "secret" not in seen["environ"]
    assert seen["open"] == "0 1 2"
    for limit in ("Max open files", "Max processes", "Max file size", "Max core file size"):
        assert f"{limit:<26}0 " in seen["limits"], limit
    assert [refused.problem for refused in refusals] == [RejectionReason.TOO_COMPLEX]
    assert children() == []


DEED = """
import os, resource, socket, sys
from docplatform.extraction.resource_limits import apply_limits
apply_limits(seconds=5, memory=64 * 1024 * 1024)
def attempt(deed):
    try:
        deed()
    except (OSError, MemoryError, ValueError) as error:
        return type(error).__name__
    return "done"
deeds = {
    "open a file": lambda: open("/etc/passwd"),
    "open its parent": lambda: open(f"/proc/{os.getppid()}/environ"),
    "connect": lambda: socket.socket(),
    "take memory": lambda: bytearray(200 * 1024 * 1024),
    "compute": lambda: bytearray(1024 * 1024),
    "open more": lambda: os.dup(0),
    "say something": lambda: os.write(1, b""),
}
print("\\n".join(f"{name}: {attempt(deed)}" for name, deed in deeds.items()))
"""


def test_a_sealed_process_can_compute_and_answer_and_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEED],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    said = dict(line.split(": ") for line in done.stdout.splitlines())
    assert said == {
        "open a file": "OSError",
        "open its parent": "OSError",
        "connect": "OSError",
        "take memory": "MemoryError",
        "compute": "done",
        "open more": "OSError",
        "say something": "done",
    }


@pytest.fixture
def impostor(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], object]:
    """Asks for text, while the parser process does the given deed instead of parsing."""
    monkeypatch.setattr(sandbox, "_WORKER", "tests.extraction.impostor")
    path = desk.put(b"%PDF-")

    def does(deed: Callable[[], object]) -> object:
        monkeypatch.setenv("LANG", getattr(deed, "__name__", ""))
        return extract_text(path, FileType.PDF, limits=ExtractionLimits(seconds=1, text_characters=1_000))

    return does


@pytest.mark.parametrize(
    ("deed", "problem", "cause"),
    [
        ("hang", "too_complex", "out of time"),
        ("hang_after_closing_the_pipe", "too_complex", "out of time"),
        ("crash", "damaged", "signal 11"),
        ("abort", "too_complex", "signal 6"),
        ("flood", "too_complex", "answer too large"),
        ("say_nothing", "damaged", "answer incomplete"),
        ("talk_nonsense", "damaged", "answer incomplete"),
        ("promise_more_than_it_sends", "damaged", "answer incomplete"),
        ("claim_a_negative_part", "damaged", "answer incomplete"),
        ("send_no_images", "damaged", "answer without text"),
    ],
)
def test_a_parser_that_is_taken_over_gains_nothing(
    impostor: Callable[[Callable[[], object]], object], deed: str, problem: str, cause: str
) -> None:
    started = time.monotonic()
    with pytest.raises(FileRejected) as refused:
        impostor(DEEDS[deed])
    assert (refused.value.problem.code, refused.value.cause) == (problem, cause)
    assert time.monotonic() - started < 20


def test_a_parser_that_exits_with_an_error_is_a_fault_of_ours(
    impostor: Callable[[Callable[[], object]], object],
) -> None:
    with pytest.raises(ParserFault, match="exit 7"):
        impostor(DEEDS["exit_early"])


def test_what_a_parser_says_of_a_problem_is_kept_within_the_vocabulary(
    impostor: Callable[[Callable[[], object]], object],
) -> None:
    with pytest.raises(FileRejected) as refused:
        impostor(DEEDS["invent_a_problem"])
    assert refused.value.problem is RejectionReason.DAMAGED
    assert len(refused.value.detail) <= 500 and len(refused.value.cause) <= 200


def test_what_is_no_image_is_no_preview(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_WORKER", "tests.extraction.impostor")
    monkeypatch.setenv("LANG", "send_no_images")
    with pytest.raises(FileRejected, match="damaged"):
        desk.preview(b"%PDF-", FileType.PDF)


@LINUX
def test_nothing_outlives_the_parser_process(impostor: Callable[[Callable[[], object]], object]) -> None:
    def sleepers() -> int:
        count = 0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                count += (
                    b"time.sleep(600)" in (folder / "cmdline").read_bytes()
                    and "Z" not in (folder / "stat").read_text().rpartition(")")[2].split()[0]
                )
            except OSError:
                continue
        return count

    before = sleepers()
    impostor(DEEDS["leave_a_process_behind"])
    deadline = time.monotonic() + 30
    while sleepers() > before:
        assert time.monotonic() < deadline, "a process outlives the parser process that started it"
        time.sleep(0.05)


def test_a_missing_library_is_no_fault_of_the_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if "site-packages" not in entry])
    with pytest.raises(ReaderUnavailable, match="ModuleNotFoundError"):
        desk.read(files.pdf(["x"]), FileType.PDF)


def test_the_way_in_imports_no_parser() -> None:
    check = (
        "import sys, docplatform.extraction\n"
        "print(*{name.partition('.')[0] for name in sys.modules} & "
        "{'lxml', 'PIL', 'pypdfium2', 'pypdfium2_raw', 'python_calamine', 'olefile', 'chardet', 'zipfile'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", check],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""


def test_files_are_read_side_by_side(desk: Desk, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.pdf" for number in range(6)]
    for number, path in enumerate(paths):
        path.write_bytes(files.pdf([f"number {number}"]))
    found: dict[int, str] = {}

    def read(number: int) -> None:
        found[number] = extract_text(paths[number], FileType.PDF).text

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(paths))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"number {number}" for number in range(len(paths))}
