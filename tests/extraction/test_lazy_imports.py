"""What the parsers import after the parser process cannot import any more: nothing.

A library may import a module at the first call of a function. In the parser process that import is refused, so each
engine imports such modules at its top. These tests read the source of every module that an engine loads, and run every
engine with the imports refused.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from docplatform.extraction import ParserFault, extract_text, sandbox
from docplatform.extraction.model import ExtractionLimits, FileRejected, FileType
from tests.extraction import samples as files
from tests.extraction.desk import Desk

# Functions that no parser calls: (module, what they import) and why.
UNREACHABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "command lines and other programs": {
        "ast": ("argparse",),
        "base64": ("getopt",),
        "calendar": ("argparse",),
        "dis": ("argparse",),
        "gzip": ("argparse",),
        "inspect": ("argparse", "importlib.import_module(mod_name)"),
        "olefile.olefile": ("optparse",),
        "quopri": ("getopt",),
        "random": ("statistics",),
        "runpy": ("pkgutil", "__import__(pkg_name)"),
        "subprocess": ("grp", "pwd"),
        "tokenize": ("argparse", "_tokenize"),
        "zipfile": ("argparse", "py_compile"),
    },
    "archives and paths in a file system, which the process cannot open": {
        "os.path": ("pwd",),
        "pathlib": ("grp", "pwd"),
        "posixpath": ("pwd",),
        "shutil": ("grp", "pwd", "tarfile"),
    },
    "other systems than Linux, and what the machine is": {
        "ctypes": ("nt", "__import__('comtypes.server.inprocserver', globals(), locals(), ['*'])"),
        "encodings": ("_winapi", "encodings.mbcs"),
        "os": ("nt",),
        "platform": ("_winreg", "java.lang", "plistlib", "socket", "sys.getwindowsversion", "vms_lib", "winreg"),
        "uuid": ("socket",),
    },
    "the import system itself, and the worker before its limits": {
        "_frozen_importlib_external": ("importlib.metadata",),
        "importlib._bootstrap_external": ("importlib.metadata",),
        "importlib.resources._common": ("importlib.import_module(cand)",),
        "importlib.util": ("__import__(parent_name, fromlist=['__path__'])",),
        "docplatform.extraction.worker": (
            "importlib.import_module(_HERE + _ENGINES[file_type])",
            "importlib.import_module(_HERE + 'formats.attachments')",
            "importlib.import_module(_HERE + 'formats.default_password')",
            "importlib.import_module(_HERE + 'rendering.page')",
            "importlib.import_module(_HERE + 'rendering.pdf_fonts')",
        ),
        "warnings": ("tracemalloc", "__import__(module, None, None, [klass])"),
    },
    "codecs: the engines look up those that they use": {
        "encodings": ("__import__('encodings.' + modname, fromlist=_import_tail, level=0)",),
    },
    "hashes that OpenSSL has": {"hashlib": ("_md5", "_sha1", "_sha256", "_sha3")},
    "an XML document object model that is read from a network or from events": {
        "xml.dom.domreg": ("__import__(mod, {}, {}, ['getDOMImplementation'])",),
        "xml.dom.minidom": ("xml.dom.pulldom",),
        "xml.dom.xmlbuilder": ("urllib.request",),
    },
    "encrypted files of old Word and PowerPoint, which are not read": {
        "msoffcrypto": ("msoffcrypto.format.doc97", "msoffcrypto.format.ppt97"),
    },
    "pickles": {"logging": ("pickle",)},
    "what our code does not ask of Pillow, pdfium and chardet": {
        "PIL.Image": (
            *("PIL.ImageCms", "PIL.ImageFilter", "PIL.ImageQt", "PIL.ImageShow", "defusedxml"),
            "__import__(f'{__spec__.parent}.{plugin}', globals(), locals(), [])",  # the formats are given by name
        ),
        "PIL.ImageDraw": ("PIL.ImageDraw2",),
        "PIL.ImageFile": ("mmap",),
        "chardet": ("importlib.import_module('chardet.equivalences')",),
        "pypdfium2._lazy": ("PIL.Image", "numpy", "tabulate"),
    },
}
KNOWN = {(module, name) for group in UNREACHABLE.values() for module, names in group.items() for name in names}
ENGINES = (
    FileType.PDF,
    FileType.DOCX,
    FileType.PPTX,
    FileType.JPEG,
    FileType.XLSX,
    FileType.HTML,
    FileType.EMAIL,
    FileType.TEXT,
    "zip",
    "ole2",
)


def later_imports(file_type: str, operation: str = "preview") -> set[tuple[str, str]]:
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-m", "tests.extraction.lazy_imports", file_type, operation],
        env={"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {(module, name) for module, _, name in (line.split("\t") for line in done.stdout.splitlines())}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_module_that_a_parser_could_import_later_is_imported_before(engine: str) -> None:
    assert later_imports(engine) - KNOWN == set()


@pytest.mark.parametrize("engine", [FileType.PDF, FileType.EMAIL])
def test_nor_does_a_parser_of_files_within_files_import_later(engine: str) -> None:
    assert later_imports(engine, "text") - KNOWN == set()


def seldom_used_parts() -> dict[str, tuple[FileType, bytes]]:
    """Files that take ways through the libraries that the samples do not take."""
    archive = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n"
        b"--x\r\nContent-Type: text/html; charset=koi8-r\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"<p>archived</p>\r\n--x--\r\n"
    )
    parts: dict[str, str | bytes] = {"word/a.mht": archive}
    related = [("aFChunk", "a.mht")]
    types = {"word/a.mht": "message/rfc822"}
    return {
        "web archive": (FileType.DOCX, files.docx(["body"], parts=parts, related=related, others=types)),
        "several pictures": (FileType.JPEG, files.multi_picture()),
    }


def jobs() -> list[tuple[str, FileType, bytes]]:
    samples = [(sample.name, sample.file_type, sample.content) for sample in files.SAMPLES]
    return samples + [(name, file_type, data) for name, (file_type, data) in seldom_used_parts().items()]


@pytest.mark.parametrize(("file_type", "data"), [job[1:] for job in jobs()], ids=[job[0] for job in jobs()])
def test_no_file_makes_a_parser_import_anything(desk: Desk, file_type: FileType, data: bytes) -> None:
    for operation in ("text", "preview"):
        with desk.put(data).open("rb", buffering=0) as file:
            task: dict[str, object] = {"operation": operation, "file_type": file_type.value}
            assert sandbox.run(task, file, ExtractionLimits()).header["refused_imports"] == []


def test_a_web_archive_and_a_picture_of_a_phone_are_read(desk: Desk) -> None:
    rare = seldom_used_parts()
    assert desk.text(rare["web archive"][1], FileType.DOCX) == "body\narchived"
    picture = rare["several pictures"][1]
    assert desk.inspect(picture, "image/jpeg").file_type is FileType.JPEG
    assert desk.preview(picture, FileType.JPEG).preview


@pytest.mark.parametrize("mistake", ["import_late", "open_late", "confuse_types", "miss_an_attribute", "exit"])
def test_a_mistake_of_ours_is_never_told_as_damage(desk: Desk, monkeypatch: pytest.MonkeyPatch, mistake: str) -> None:
    path = desk.put(b"some text")
    monkeypatch.setattr(sandbox, "_WORKER", "tests.extraction.mistaken")
    monkeypatch.setenv("LANG", mistake)
    with pytest.raises(ParserFault):
        extract_text(path, FileType.TEXT, limits=ExtractionLimits(seconds=10))


def test_what_a_file_can_cause_is_told_as_damage(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.put(b"some text")
    monkeypatch.setattr(sandbox, "_WORKER", "tests.extraction.mistaken")
    monkeypatch.setenv("LANG", "meet_a_damaged_file")
    with pytest.raises(FileRejected, match="damaged"):
        extract_text(path, FileType.TEXT, limits=ExtractionLimits(seconds=10))
