"""Reads untrusted XML as a stream, without entities, document types, network access or great depth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any

from lxml import etree

from docplatform.extraction.model import FileRejected, RejectionReason

XML_ERRORS: tuple[type[BaseException], ...] = (etree.LxmlError, UnicodeDecodeError, AssertionError)

_TOO_DEEP = frozenset(
    {etree.ErrorTypes.ERR_RESOURCE_LIMIT, etree.ErrorTypes.ERR_ENTITY_LOOP, etree.ErrorTypes.ERR_NO_MEMORY}
)


def events(stream: IO[bytes], tags: Iterable[str]) -> Iterator[tuple[bool, str, Any]]:
    """Start and end of the elements whose local name is in ``tags``, in any namespace: (is it the start, local name,
    element).

    The text of an element is complete at its end only. The caller frees elements with ``forget`` after reading them.
    Raises XML_ERRORS. Raises FileRejected for a document type declaration, which Open XML forbids (ECMA-376 part 2),
    and for too great a depth.
    """
    names: dict[str, str] = {}
    checked = False
    try:
        for event, element in etree.iterparse(
            stream,
            events=("start", "end"),
            tag=[f"{{*}}{tag}" for tag in tags],
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        ):
            if not checked:
                checked = True
                if element.getroottree().docinfo.internalDTD is not None:
                    raise FileRejected(RejectionReason.DAMAGED, cause="document type declaration")
            tag = element.tag
            name = names.get(tag)
            if name is None:
                name = names[tag] = tag.rpartition("}")[2]
            yield event == "start", name, element
    except etree.XMLSyntaxError as error:
        if error.code in _TOO_DEEP:
            raise FileRejected(RejectionReason.TOO_COMPLEX, cause="XML depth or size") from error
        raise


def forget(element: Any) -> None:
    """Free an element that has ended, and its earlier siblings."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]


def attribute(element: Any, name: str) -> str:
    """The attribute with this local name, or ''. Its namespace differs between transitional and strict Open XML."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return ""
