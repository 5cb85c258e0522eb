"""Word and PowerPoint in Open XML (ECMA-376), and the package that all of it comes in."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping

from tests.extraction.samples.facts import AUTHOR, CREATED, TITLE, WORD


def zipped(entries: Mapping[str, str | bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 3, 5, 10, 20, 30)), content, compression)
    return buffer.getvalue()


TRANSITIONAL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
WORDPROCESSING = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
WORDPROCESSING_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_RELATIONS = "application/vnd.openxmlformats-package.relationships+xml"
OFFICE = "application/vnd.openxmlformats-officedocument."


def relations(*related: tuple[str, str], base: str = TRANSITIONAL) -> str:
    """A .rels part: (kind, target) each; their ids are rId1, rId2, …"""
    rows = "".join(
        f'<Relationship Id="rId{number}" Type="{kind if ":" in kind else f"{base}/{kind}"}" Target="{target}"/>'
        for number, (kind, target) in enumerate(related, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'


def open_xml(
    main: str,
    content_type: str,
    parts: Mapping[str, str | bytes],
    *,
    others: Mapping[str, str] | None = None,
    base: str = TRANSITIONAL,
) -> dict[str, str | bytes]:
    """The entries of a package whose main part is ``main``; ``others`` are the content types of further parts."""
    core = f"{_PACKAGE}/relationships/metadata/core-properties"
    defaults = {"xml": "application/xml", "rels": _RELATIONS, "html": "text/html"}
    types = "".join(f'<Default Extension="{end}" ContentType="{kind}"/>' for end, kind in defaults.items())
    for part, kind in {main: content_type, **(others or {})}.items():
        types += f'<Override PartName="/{part}" ContentType="{kind}"/>'
    said = f"<dc:title>{TITLE}</dc:title><dc:creator>{AUTHOR}</dc:creator><dcterms:created>{CREATED}</dcterms:created>"
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">{types}</Types>',
        "_rels/.rels": relations(("officeDocument", main), (core, "docProps/core.xml"), base=base),
        "docProps/core.xml": f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">{said}</cp:coreProperties>',
        **parts,
    }


def docx(
    paragraphs: Iterable[str] = (WORD,),
    *,
    body: str = "",
    parts: Mapping[str, str | bytes] | None = None,
    related: Iterable[tuple[str, str]] = (),
    others: Mapping[str, str] | None = None,
    content_type: str = f"{OFFICE}wordprocessingml.document.main+xml",
    strict: bool = False,
) -> bytes:
    """``body`` is markup (prefix ``w``) after the paragraphs; ``related`` are relations to further ``parts``; ``others``
    are their content types."""
    base = STRICT if strict else TRANSITIONAL
    written = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    entries = {
        "word/document.xml": wordml("document", f"<w:body>{written}{body}</w:body>", strict=strict),
        "word/_rels/document.xml.rels": relations(*related, base=base),
        **(parts or {}),
    }
    return zipped(open_xml("word/document.xml", content_type, entries, others=others, base=base))


def wordml(root: str, content: str, *, strict: bool = False) -> str:
    namespace = WORDPROCESSING_STRICT if strict else WORDPROCESSING
    return (
        f'<w:{root} xmlns:w="{namespace}" xmlns:r="{TRANSITIONAL}" xmlns:v="urn:schemas-microsoft-com:vml" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        f'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">{content}</w:{root}>'
    )


def pptx(
    slides: Iterable[tuple[str, Iterable[str]]],
    *,
    parts: Mapping[str, str | bytes] | None = None,
    related: Iterable[tuple[str, str]] = (),
) -> bytes:
    """(title, lines) each; ``related`` are the relations of every slide to further ``parts``."""
    entries: dict[str, str | bytes] = {}
    names = []
    for number, (title, lines) in enumerate(slides, 1):
        names.append(f"slides/slide{number}.xml")
        shapes = slide_shape(title, "title") + "".join(slide_shape(line) for line in lines)
        entries[f"ppt/slides/slide{number}.xml"] = slideml("sld", shapes)
        entries[f"ppt/slides/_rels/slide{number}.xml.rels"] = relations(*related)
    listed = "".join(f'<p:sldId id="{255 + number}" r:id="rId{number}"/>' for number in range(1, len(names) + 1))
    entries["ppt/presentation.xml"] = (
        f'<p:presentation xmlns:p="{_SLIDES}" xmlns:r="{TRANSITIONAL}">'
        f'<p:sldIdLst>{listed}</p:sldIdLst><p:sldSz cx="12192000" cy="6858000"/></p:presentation>'
    )
    entries["ppt/_rels/presentation.xml.rels"] = relations(*(("slide", name) for name in names))
    content_type = f"{OFFICE}presentationml.presentation.main+xml"
    others = {f"ppt/{name}": f"{OFFICE}presentationml.slide+xml" for name in names}
    return zipped(open_xml("ppt/presentation.xml", content_type, {**entries, **(parts or {})}, others=others))


_SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"


def slideml(root: str, shapes: str) -> str:
    return (
        f'<p:{root} xmlns:p="{_SLIDES}" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
        f"<p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:{root}>"
    )


def slide_shape(text: str, placeholder: str = "") -> str:
    ph = f'<p:ph type="{placeholder}"/>' if placeholder else ""
    body = f"<p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody>"
    return f"<p:sp><p:nvSpPr><p:nvPr>{ph}</p:nvPr></p:nvSpPr>{body}</p:sp>"
