"""Servers in Java start where Java and Maven are; elsewhere there is a word why they do not. The programs are stand-ins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import java
from local.java import CannotRun, JavaServer, classpath
from local.settings import ROOT

MAVEN = """
for argument in "$@"; do case "$argument" in -Dmdep.outputFile=*) echo "$JAR" > "${argument#*=}"; esac; done
echo called >> "$CALLS"
"""
JAVA = """if [ "$1" = -version ]; then echo 'openjdk version "17.0.15" 2025-04-15' >&2; exit 0; fi
"""


class Machine:
    """A machine with the programs that a test gives it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.jar, self.calls, self.log = folder / "one.jar", folder / "calls", folder / "log"
        self.pom, self._programs = folder / "pom.xml", folder / "bin"
        self._programs.mkdir()
        self.jar.touch()
        self.pom.write_text("<project/>")
        patch.setenv("PATH", str(self._programs))
        patch.setenv("JAR", str(self.jar))
        patch.setenv("CALLS", str(self.calls))
        patch.setattr(java, "_CLASSPATHS", folder / "classpaths")

    def has(self, **programs: str) -> None:
        for name, text in programs.items():
            (self._programs / name).write_text(f"#!/bin/sh\n{text}")
            (self._programs / name).chmod(0o755)

    def starts(self) -> JavaServer:
        return JavaServer(self.pom.with_name("Server.java"), ["1234"], self.log)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_a_machine_without_java_or_maven_is_told_which_is_missing(machine: Machine) -> None:
    machine.has(mvn=MAVEN)
    with pytest.raises(CannotRun, match="^java is not installed"):
        machine.starts()
    (Path(os.environ["PATH"]) / "mvn").unlink()
    machine.has(java=JAVA)
    with pytest.raises(CannotRun, match="^mvn is not installed"):
        machine.starts()


@pytest.mark.parametrize("shown", ['openjdk version "11.0.2" 2019-01-15', 'java version "1.8.0_401"', "no such option"])
def test_an_old_java_is_told_so(machine: Machine, shown: str) -> None:
    machine.has(mvn=MAVEN, java=f"echo '{shown}' >&2")
    with pytest.raises(CannotRun, match="Java 17 or later is needed; .* says: " + shown):
        machine.starts()


def test_jars_that_maven_cannot_get_are_a_reason(machine: Machine) -> None:
    machine.has(java=JAVA, mvn="echo 'Could not transfer artifact: Unknown host'; exit 1")
    with pytest.raises(CannotRun, match="cannot get the jars: Could not transfer artifact"):
        machine.starts()


def test_maven_is_asked_once_and_again_when_a_jar_is_gone_or_the_list_has_changed(machine: Machine) -> None:
    machine.has(mvn=MAVEN)
    assert [classpath(machine.pom) for _ in range(2)] == [str(machine.jar)] * 2
    assert machine.calls.read_text() == "called\n"
    machine.has(mvn="exit 1")
    assert classpath(machine.pom) == str(machine.jar)
    machine.has(mvn=MAVEN)
    machine.jar.unlink()
    classpath(machine.pom)
    machine.jar.touch()
    machine.pom.write_text("<project> </project>")
    classpath(machine.pom)
    assert machine.calls.read_text() == "called\n" * 3


def test_a_server_that_ends_before_it_is_ready_says_why(machine: Machine) -> None:
    machine.has(mvn=MAVEN, java=JAVA + "echo 'Address already in use' >&2; exit 3")
    with pytest.raises(CannotRun, match="did not start: Address already in use"):
        machine.starts()


def test_a_server_lives_as_long_as_its_input(machine: Machine) -> None:
    machine.has(
        mvn=MAVEN, java=JAVA + 'echo starting; echo ready; while read -r line; do :; done; echo "$@" >&2; exit 7'
    )
    server = machine.starts()
    assert server.stop() == 7
    assert machine.log.read_text().endswith(f"-cp {machine.jar} {machine.pom.with_name('Server.java')} 1234\n")


def test_contract_tests_without_java_are_skipped_with_a_reason(tmp_path: Path) -> None:
    test = "tests/infra/test_database_contract.py::test_an_item_is_popped_once"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", test],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert "no DynamoDB Local here: java is not installed" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout
