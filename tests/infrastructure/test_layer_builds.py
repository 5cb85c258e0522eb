"""Layers are built from locked wheels without Docker, once, and carry what functions need."""

from __future__ import annotations

import ast
import base64
import hashlib
import re
import struct
import subprocess
import sys
import zipfile
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from cdk import app as deployment
from cdk import layers, specs
from cdk.config import load
from docplatform.runtime.spec import Layer
from tests.infrastructure.conftest import PRODUCTION, an_app
from tests.infrastructure.synthesized import HOME

ROOT = Path(__file__).resolve().parents[2]
UNCHECKED_HASH = 0b01  # flags of a .pyc, PEP 552


def _wheel(folder: Path, name: str, files: dict[str, str]) -> str:
    """A wheel of pure Python; returns its line for a lock file."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    members = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/LICENSE": "free",
    }

    def digest(text: str) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()

    members[f"{info}/RECORD"] = "".join(f"{path},sha256={digest(text)},{len(text)}\n" for path, text in members.items())
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one locked package, and a shop of wheels on this machine: pip needs no network."""
    line = _wheel(
        tmp_path / "shop",
        "parrot",
        {
            "parrot/__init__.py": "def speak():\n    return 'hello'\n",
            "parrot/tests/test_parrot.py": "assert False\n",
            "grpc/__init__.py": "",
            "google/protobuf/__init__.py": "",
            "opensearch/protobufs/__init__.py": "",
            "botocore/data/s3/model.json": "{}",
            "botocore/data/ec2/model.json": "{}",
            "botocore/data/endpoints.json": "{}",
        },
    )
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/runtime.txt").write_text(line)
    monkeypatch.setattr(layers, "ROOT", tmp_path)
    monkeypatch.setattr(layers, "BUILD", tmp_path / "layers")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shop"))
    return tmp_path


def test_a_layer_carries_the_package_compiled_and_without_what_nobody_imports(workshop: Path) -> None:
    built = layers.build(Layer.DEPENDENCIES, "host")
    packages = built.folder / "python"
    assert built.asset == built.folder
    compiled = Path(cache_from_source(str(packages / "parrot/__init__.py"))).read_bytes()
    assert struct.unpack("<I", compiled[4:8])[0] == UNCHECKED_HASH
    assert not (packages / "parrot/tests").exists()
    assert not any((packages / unused).exists() for unused in ("grpc", "google", "opensearch"))
    assert sorted(path.name for path in (packages / "botocore/data").iterdir()) == ["endpoints.json", "s3"]
    assert (packages / "parrot-1.0.dist-info/LICENSE").exists()
    spoken = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = [{str(packages)!r}]; import parrot; print(parrot.speak())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert spoken.stdout == "hello\n"


def test_a_second_build_does_nothing_and_a_changed_lock_file_makes_another(
    workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = layers.build(Layer.DEPENDENCIES, "host")
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", pytest.fail)
        assert layers.build(Layer.DEPENDENCIES, "host") == first
    lock = workshop / "locks/runtime.txt"
    lock.write_text(f"# another\n{lock.read_text()}")
    assert layers.build(Layer.DEPENDENCIES, "host").folder != first.folder


@pytest.mark.parametrize("forged", [r"\1 --hash=sha256:" + "0" * 64, r"\1"], ids=["another's hash", "no hash"])
def test_a_package_that_is_not_the_one_that_was_locked_is_refused(workshop: Path, forged: str) -> None:
    lock = workshop / "locks/runtime.txt"
    lock.write_text(re.sub(r"(parrot==1.0) --hash=sha256:\w+", forged, lock.read_text()))
    with pytest.raises(subprocess.CalledProcessError):
        layers.build(Layer.DEPENDENCIES, "host")
    assert not list((workshop / "layers").glob("dependencies-host-????????????????"))


def test_for_lambda_the_layer_is_one_archive_the_same_every_time(
    workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = layers.build(Layer.DEPENDENCIES, "lambda")
    with zipfile.ZipFile(first.asset) as archive:
        members = archive.namelist()
    assert "python/parrot/__init__.py" in members
    content = first.asset.read_bytes()
    monkeypatch.setattr(layers, "BUILD", workshop / "again")
    again = layers.build(Layer.DEPENDENCIES, "lambda")
    assert again.digest == first.digest
    assert again.asset.read_bytes() == content


def test_a_deployment_without_bytecode_is_refused_and_a_trial_is_not(
    workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "_python313", lambda: None)
    with pytest.raises(layers.NoCompiler, match="PYTHON313"):
        layers.build(Layer.DEPENDENCIES, "lambda", bytecode=True)
    assert layers.build(Layer.DEPENDENCIES, "lambda").size
    assert layers.build(Layer.DEPENDENCIES, "host", bytecode=True).size


def test_no_package_of_ours_imports_what_the_layer_leaves_out() -> None:
    """opensearch-py demands gRPC, and imports it nowhere: a version that does would fail here, not in the cloud."""
    from importlib.util import find_spec

    found = find_spec("opensearchpy")
    assert found and found.submodule_search_locations
    for file in Path(found.submodule_search_locations[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {each.partition(".")[0] for each in modules} & {"grpc", "google", "opensearch"}, file


def test_in_the_local_cloud_the_products_package_is_used_where_it_stands() -> None:
    built = layers.build(Layer.PLATFORM, "host")
    assert built.asset == ROOT / "layers/platform"
    assert (built.asset / "python/docplatform/__init__.py").is_file()


def test_tools_that_leave_caches_do_not_change_the_platform_layer(workshop: Path) -> None:
    package = workshop / "layers/platform/python/docplatform"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("VERSION = 1\n")
    (workshop / "docs").mkdir()
    (workshop / "docs/openapi.json").write_text("{}")
    before = layers.build(Layer.PLATFORM, "lambda")
    for cache in ("__pycache__", ".ruff_cache", ".mypy_cache"):
        (package / cache).mkdir()
        (package / cache / "file").write_text("anything")
    assert layers.build(Layer.PLATFORM, "lambda") == before
    (package / "__init__.py").write_text("VERSION = 2\n")
    assert layers.build(Layer.PLATFORM, "lambda").digest != before.digest


def test_the_platform_layer_carries_the_openapi_document_as_it_is_now(workshop: Path) -> None:
    (workshop / "layers/platform/python/docplatform").mkdir(parents=True)
    (workshop / "docs").mkdir()
    for content in ("{}", '{"openapi": "3.1.0"}'):
        (workshop / "docs/openapi.json").write_text(content)
        for target in ("host", "lambda"):
            built = layers.build(Layer.PLATFORM, target)
            assert (built.folder / "python/docplatform/http/openapi.json").read_text() == content


def _clients(tree: ast.AST) -> set[str]:
    """Names in calls like ``own_client("sqs")`` and ``clients(tenant).client("s3")``."""
    return {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) in ("own_client", "client", "create_client")
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def test_the_layer_has_the_model_of_every_service_that_code_makes_a_client_of() -> None:
    used: set[str] = set()
    for folder in (ROOT / "functions", ROOT / "layers/platform/python"):
        for file in folder.rglob("*.py"):
            used |= _clients(ast.parse(file.read_text()))
    assert used == layers.SERVICE_MODELS, "one missing fails at run time, one too many weighs on every cold start"


def test_a_function_whose_layers_outgrow_lambda_is_refused(tmp_path: Path) -> None:
    layer_folder = tmp_path / "layer"
    layer_folder.mkdir()

    def too_large(layer: Layer) -> layers.Built:
        return layers.Built(layer_folder, layer_folder, layers.LARGEST // 2, f"{layer.value:0<64}")

    app, context = an_app(tmp_path / "out", PRODUCTION, HOME)
    (first, *_) = [each.spec.name for each in specs.discover() if len(each.spec.layers) == 3]
    with pytest.raises(ValueError, match=f"{first}: its layers are 375 MB unzipped"):
        deployment.build(app, load(context), layer_source=too_large)
