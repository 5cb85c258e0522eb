"""Starts a real OpenSearch node for the tests, where Java and Maven are installed.

``DOCPLATFORM_OPENSEARCH_URL`` names one that runs already: it must be empty and for tests only.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
RESOLVING, STARTING = 480, 360  # seconds


class NoNode(Exception):
    """The message says why no node can be started."""


@contextmanager
def opensearch_node(folder: Path) -> Iterator[str]:
    """The node's URL. Raises NoNode."""
    if url := os.environ.get("DOCPLATFORM_OPENSEARCH_URL"):
        yield url
        return
    java, maven = shutil.which("java"), shutil.which("mvn")
    if not java or not maven:
        raise NoNode("java and mvn are not both installed")
    classpath = _jars(maven, folder / "classpath")
    port = _free_port()
    quick = ["-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]  # it runs for a minute
    command = [java, *quick, "-cp", classpath, str(HERE / "SearchNode.java"), str(folder / "node"), str(port)]
    with open(folder / "node.log", "w") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        _wait_for_ready(process, folder / "node.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _jars(maven: str, output: Path) -> str:
    """From the local Maven repository, downloaded into it the first time."""
    goal = ["dependency:build-classpath", f"-Dmdep.outputFile={output}"]
    command = [maven, "--batch-mode", "--quiet", "--file", str(HERE / "pom.xml"), *goal]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RESOLVING)
    except subprocess.TimeoutExpired:
        raise NoNode("Maven did not resolve OpenSearch in time") from None
    if done.returncode or not output.exists():
        raise NoNode(f"Maven cannot resolve OpenSearch: {(done.stdout + done.stderr).strip()[-300:]}")
    return output.read_text().strip()


def _wait_for_ready(process: subprocess.Popen[str], log: Path) -> None:
    seen = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "ready":
                seen.set()

    threading.Thread(target=read, daemon=True).start()
    for _ in range(STARTING * 10):
        if seen.wait(0.1):
            return
        if process.poll() is not None:
            break
    process.kill()
    raise NoNode(f"the node did not start: {log.read_text()[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
