"""Lambda layers, built by pip without Docker and cached by content in ``.local/build/layers/<name>-<target>-<hash>``.

Target ``lambda`` installs wheels for python3.13 on arm64 and packs them into an archive. Target ``host`` installs
wheels for this interpreter and stays a folder, because the local cloud runs functions with this interpreter; it uses
the product's own package in place.

Layers contain bytecode. Lambda's /opt is read-only, so without it Python would compile at every cold start. The
bytecode is unchecked (PEP 552), because the times in a zip differ from those of the sources. To write bytecode for
``lambda``, the build machine needs python3.13 (``PYTHON313`` or on the PATH; the processor does not matter). Without
it the layer works, but its functions start slower: a deployment is refused, and a trial's build prints a warning.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cdk.config import ROOT
from cdk.contract import copy_contract
from docplatform.runtime.spec import Layer

BUILD = ROOT / ".local/build/layers"
LARGEST = 250 * 2**20  # bytes, unzipped, a function and its layers together (Lambda's quota)
RUNTIME = "3.13"
_LOCKS = {Layer.DEPENDENCIES: "runtime.txt", Layer.PARSERS: "parsers.txt", Layer.IDENTITY: "identity.txt"}
_RECIPE = 2  # increase it to rebuild layers from the same lock files

_LAMBDA_WHEELS = (
    "--platform=manylinux2014_aarch64",
    "--platform=manylinux_2_28_aarch64",
    f"--python-version={RUNTIME}",
    "--implementation=cp",
)

_NEVER_IMPORTED = ("grpc", "grpcio-*", "google", "protobuf-*", "opensearch", "opensearch_protobufs-*")

SERVICE_MODELS = frozenset(
    {
        "apigatewaymanagementapi",
        "dynamodb",
        "guardduty",
        "kms",
        "lambda",
        "opensearchserverless",
        "s3",
        "sesv2",
        "sqs",
        "stepfunctions",
        "sts",
    }
)
"""The botocore models that functions make clients of, and that stay in the layer: the others are nine tenths of
botocore."""


@dataclass(frozen=True)
class Built:
    """A layer that is built.

    ``folder`` holds ``python/``. ``asset`` is what is deployed: the folder, or an archive of it. ``size``: bytes,
    unzipped, ``digest``: a hash of the content, which is the same on every machine that builds with the same tools.
    """

    folder: Path
    asset: Path
    size: int
    digest: str


Source = Callable[[Layer], Built]


class NoCompiler(RuntimeError):
    """This machine cannot write bytecode for Lambda."""


def build(layer: Layer, target: str, *, bytecode: bool = False) -> Built:
    """Build a layer from its lock file, or from ``layers/platform``, if that has changed. ``bytecode``: whether it must have
    some. Raises NoCompiler, and CalledProcessError when pip fails."""
    if bytecode and target == "lambda" and not _python313():
        raise NoCompiler(f"layers need a python{RUNTIME} for their bytecode: on the PATH, or its path in PYTHON313")
    if layer is not Layer.PLATFORM:
        lock = ROOT / "locks" / _LOCKS[layer]
        return _cached(layer.value, target, lock.read_bytes(), lambda packages: install(lock, target, packages))
    copy_contract(ROOT)
    folder = ROOT / "layers/platform"
    fingerprint = _fingerprint(folder / "python")
    if target == "host":
        return Built(folder, folder, _size(_sources(folder)), fingerprint.hex())
    return _cached(layer.value, target, fingerprint, lambda packages: _copy(folder / "python", packages))


def install(lock: Path, target: str, packages: Path, *more: str) -> None:
    """Install what the lock file names: wheels only, checked against its hashes."""
    options = (*_LAMBDA_WHEELS, *more) if target == "lambda" else more
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
        "--no-deps",
    ]
    wanted = ["--require-hashes", "--only-binary=:all:", f"--target={packages}", f"--requirement={lock}"]
    subprocess.run([*pip, *options, *wanted], check=True)
    trim(packages)


def trim(packages: Path) -> None:
    """Delete what no function imports: programs, tests, installers' notes, botocore models of services that are not called, and
    gRPC, which opensearch-py demands and never imports (19 MB). Licences stay."""
    shutil.rmtree(packages / "bin", ignore_errors=True)
    for pattern in _NEVER_IMPORTED:
        for package in packages.glob(pattern):
            shutil.rmtree(package)
    for package in list(packages.iterdir()):
        if package.name.endswith(".dist-info"):
            for note in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
                (package / note).unlink(missing_ok=True)
        for tests in (package / "tests", package / "test", package / "__pycache__"):
            shutil.rmtree(tests, ignore_errors=True)
    models = packages / "botocore/data"
    for model in list(models.iterdir()) if models.is_dir() else ():
        if model.is_dir() and model.name not in SERVICE_MODELS:
            shutil.rmtree(model)


def _cached(name: str, target: str, content: bytes, fill: Callable[[Path], None]) -> Built:
    compiler = sys.executable if target == "host" else _python313()
    recipe = f"{_RECIPE} {target} {_version(compiler) if compiler else 'no bytecode'} {sorted(SERVICE_MODELS)}"
    digest = hashlib.sha256(content + recipe.encode()).hexdigest()
    folder = BUILD / f"{name}-{target}-{digest[:16]}"
    asset = folder if target == "host" else folder / "layer.zip"
    if not folder.is_dir():
        work = BUILD / f"{folder.name}.{os.getpid()}"
        packages = work / "python"
        packages.mkdir(parents=True)
        fill(packages)
        if compiler:
            _compile(compiler, packages)
        else:
            print(f"layer {name}: no python{RUNTIME} here, so it ships without bytecode", file=sys.stderr)
        if asset.name == "layer.zip":
            _pack(packages, work / asset.name)
        try:
            work.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(work)
    return Built(folder, asset, _size(_files(folder / "python")), digest)


@cache
def _python313() -> str | None:
    for candidate in (os.environ.get("PYTHON313"), shutil.which(f"python{RUNTIME}")):
        if candidate and _version(candidate).startswith(f"{RUNTIME}."):
            return candidate
    return None


@cache
def _version(python: str) -> str:
    """The version of an interpreter; '' if it does not run (a version manager's shim for a version that is not
    installed)."""
    asked = subprocess.run(
        [python, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True
    )
    return asked.stdout.strip() if asked.returncode == 0 else ""


def _compile(python: str, packages: Path) -> None:
    """Write bytecode. Sources that a package carries for other Python versions may fail to compile; Python would
    not import them either."""
    options = ["-q", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", str(packages), "-p", "/opt/python"]
    subprocess.run([python, "-m", "compileall", *options, str(packages)], check=False)


def _pack(folder: Path, archive: Path) -> None:
    """Pack a folder into an archive. The same content gives the same bytes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in _files(folder):
            entry = zipfile.ZipInfo(str(file.relative_to(folder.parent)), (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o755 << 16
            packed.writestr(entry, file.read_bytes())


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _sources(folder: Path) -> Iterator[Path]:
    """The files that belong to the product, without bytecode and caches of tools."""
    return (path for path in _files(folder) if not any(part in _CACHES for part in path.relative_to(folder).parts))


_CACHES = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache"})


def _fingerprint(folder: Path) -> bytes:
    found = hashlib.sha256()
    for path in _sources(folder):
        found.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.digest()


def _copy(sources: Path, packages: Path) -> None:
    for path in _sources(sources):
        place = packages / path.relative_to(sources)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
