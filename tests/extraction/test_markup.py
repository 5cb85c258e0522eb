"""E-mail, web pages, SVG and lines of JSON; and the packages of other programs, which are refused by their names."""

from __future__ import annotations

import email.policy
from email.message import EmailMessage

import pytest

from docplatform.extraction.model import Family, FileRejected, FileType, RejectionReason
from tests.extraction import samples as files
from tests.extraction.desk import Desk, ink

EMAIL, HTML, SVG = FileType.EMAIL, FileType.HTML, FileType.SVG


def message(**headers: str) -> EmailMessage:
    made = EmailMessage(policy=email.policy.SMTP)
    for name, value in {"From": "Ann Müller <a@firma.example>", "To": "b@firma.example", **headers}.items():
        made[name] = value
    return made


def test_a_message_is_read_with_its_subject_people_and_text(desk: Desk) -> None:
    made = message(Subject="Übergabe der Schlüssel", Date="Tue, 05 Mar 2024 11:20:30 +0100")
    made.set_content("Bitte prüfen Sie das Angebot.\n", charset="iso-8859-1", cte="quoted-printable")
    data = made.as_bytes()
    assert desk.inspect(data, "message/rfc822", "offer.eml").file_type is EMAIL
    found = desk.read(data, EMAIL)
    assert found.text.split("\n") == [
        "Übergabe der Schlüssel",
        "From: Ann Müller <a@firma.example>",
        "To: b@firma.example",
        "Date: Tue, 05 Mar 2024 11:20:30 +0100",
        "Bitte prüfen Sie das Angebot.",
    ]
    assert (found.title, found.author) == ("Übergabe der Schlüssel", "Ann Müller <a@firma.example>")
    assert found.created is not None and found.created.isoformat() == "2024-03-05T10:20:30+00:00"
    assert ink(desk.preview(data, EMAIL).preview) > 100


def test_of_alternatives_the_plain_text_is_read_once(desk: Desk) -> None:
    made = message(Subject="s")
    made.set_content("plain words")
    made.add_alternative("<p>marked words</p>", subtype="html")
    assert desk.text(made.as_bytes(), EMAIL).split("\n")[3:] == ["plain words"]


def test_a_message_of_html_only_is_read_without_its_tags(desk: Desk) -> None:
    made = message(Subject="s")
    made.set_content("<style>p {}</style><p>Größe</p>", subtype="html", charset="iso-8859-15", cte="base64")
    assert desk.text(made.as_bytes(), EMAIL).split("\n")[3:] == ["Größe"]


def test_attachments_are_named_and_those_that_are_text_are_read(desk: Desk) -> None:
    inner = message(Subject="inner subject")
    inner.set_content("inner words")
    made = message(Subject="s")
    made.set_content("outer words")
    made.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="Verträge 2024.pdf")
    made.add_attachment("name;amount\n", subtype="csv", filename="list.csv")
    made.add_attachment(inner)
    lines = desk.text(made.as_bytes(), EMAIL).split("\n")
    assert "Verträge 2024.pdf" in lines and "list.csv" in lines and "name;amount" in lines
    assert "inner subject" in lines and "inner words" in lines and "outer words" in lines


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (b"Subject: =?koi8-r?B?5M/Hz9fP0g==?=", "Договор"),
        (b"Subject: =?windows-1251?Q?=C4=EE=E3=EE=E2=EE=F0?=", "Договор"),
        (b"Subject: =?no-such-charset?Q?words?=", "words"),
        (b"Subject: =?utf-8?B?not base64!?=", "not base64"),
        (b"Subject: \xc3\x9cbergabe", "Übergabe"),
        (b"Subject: one\r\n two", "one two"),
    ],
)
def test_a_subject_is_decoded_whatever_it_is_written_in(desk: Desk, headers: bytes, expected: str) -> None:
    data = b"From: a@b.example\r\n" + headers + b"\r\nMIME-Version: 1.0\r\n\r\nbody\r\n"
    assert expected in desk.text(data, EMAIL).split("\n")[0]


@pytest.mark.parametrize("charset", ["", "koi8-r", "windows-1251", "x-unknown", '"koi8-r"'])
def test_a_body_is_read_in_its_charset_or_in_the_one_it_is_in(desk: Desk, charset: str) -> None:
    words = "Договор аренды нежилого помещения между сторонами"
    codec = {"windows-1251": "cp1251"}.get(charset, "koi8-r")
    kind = b"Content-Type: text/plain" + (f"; charset={charset}".encode() if charset else b"") + b"\r\n"
    data = b"From: a@b.example\r\nSubject: s\r\n" + kind + b"\r\n" + words.encode(codec)
    assert words in desk.text(data, EMAIL)


def test_all_messages_of_a_mailbox_are_read(desk: Desk) -> None:
    one, two = message(Subject="first subject"), message(Subject="second subject")
    one.set_content("first words\n>From here on")
    two.set_content("second words")
    mark = b"From a@b.example Tue Mar  5 10:20:30 2024\n"
    data = mark + one.as_bytes(policy=email.policy.default) + b"\n" + mark + two.as_bytes(policy=email.policy.default)
    assert desk.inspect(data, "application/mbox", "mails.mbox").file_type is EMAIL
    text = desk.text(data, EMAIL)
    assert [
        word for word in ("first subject", "first words", "second subject", "second words") if word not in text
    ] == []


def test_a_web_archive_is_read(desk: Desk) -> None:
    data = (
        b"From: <Saved by a browser>\r\nSubject: page\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/related; type="text/html"; boundary="x"\r\n\r\n'
        b"--x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"<p>Gr=C3=B6=C3=9Fe</p>\r\n--x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
        b"--x--\r\n"
    )
    for declared in ("multipart/related", "message/rfc822", "application/octet-stream"):
        assert desk.inspect(data, declared, "page.mhtml").file_type is EMAIL
    assert desk.text(data, EMAIL).endswith("Größe")


PAGE = (
    "<!DOCTYPE html><html><head><title>Tender 2024</title><meta name='author' content='Ann'><style>p {}</style></head>"
    "<body><script>secret()</script><h1>Report</h1><p>Some   <b>bold</b> words<br>next line</p><ul><li>item</ul>"
    "<table><tr><td>a</td><td>b</td></tr></table><img alt='a plan' src='http://elsewhere.example/x'></body></html>"
)


def test_a_page_is_read_as_it_is_seen(desk: Desk) -> None:
    data = PAGE.encode()
    assert desk.inspect(data, "text/html", "page.html").file_type is HTML
    found = desk.read(data, HTML)
    assert found.text.split("\n") == ["Report", "Some bold words", "next line", "item", "a\tb", "a plan"]
    assert (found.title, found.author) == ("Tender 2024", "Ann")
    assert ink(desk.preview(data, HTML).preview) > 100


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("<meta charset=koi8-r><p>Да</p>".encode("koi8-r"), "Да"),
        (
            "<html><head><meta http-equiv='Content-Type' content='text/html; charset=windows-1251'></head>Да".encode(
                "cp1251"
            ),
            "Да",
        ),
        ("<p>Größe</p>".encode("utf-16"), "Größe"),
        ('<?xml version="1.0" encoding="iso-8859-1"?><html><body>Größe</body></html>'.encode("latin-1"), "Größe"),
        (b"<p>a &amp; b &#8364; &nbsp;c</p>", "a & b € c"),
        (b"<p>never closed <b>bold", "never closed bold"),
        (b"<!-- only a comment --> ", ""),
    ],
)
def test_a_page_is_read_in_the_charset_that_it_declares(desk: Desk, data: bytes, words: str) -> None:
    assert desk.text(data, HTML) == words


DRAWING = (
    '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" '
    '[<!ENTITY ns "x">]><svg xmlns="http://www.w3.org/2000/svg"><title>Ground plan</title><style>text {}</style>'
    '<script>secret()</script><rect width="1"/><text>Kitchen<tspan x="0" dy="1em">12 m²</tspan></text>'
    "<text>Hall</text></svg>"
)


@pytest.mark.parametrize("declared", ["image/svg+xml", "application/octet-stream", "text/xml", "text/plain"])
@pytest.mark.parametrize("name", ["plan.svg", "plan.xml"])
def test_the_words_of_a_drawing_are_read(desk: Desk, declared: str, name: str) -> None:
    data = DRAWING.encode()
    assert desk.inspect(data, declared, name).file_type is SVG
    found = desk.read(data, SVG)
    assert found.text.split("\n") == ["Ground plan", "Kitchen 12 m²", "Hall"]
    assert found.title == "Ground plan"


@pytest.mark.parametrize(
    "declared", ["application/x-ndjson", "application/jsonl", "application/json", "application/octet-stream"]
)
def test_lines_of_json_are_read(desk: Desk, declared: str) -> None:
    data = b'{"a": "one"}\n{"a": "two"}\n'
    assert desk.inspect(data, declared, "export.ndjson").file_type is FileType.JSON
    assert desk.text(data, FileType.JSON) == data.decode().strip()


@pytest.mark.parametrize(
    "declared",
    ["application/sql", "application/x-sh", "application/toml", "text/calendar", "text/vcard", "application/atom+xml"]
    + ["text/x-python", "application/javascript", "application/x-tex", "application/vnd.api+json", "text/css"],
)
def test_any_text_may_be_declared_as_the_kind_of_text_that_it_is(desk: Desk, declared: str) -> None:
    assert desk.inspect(b"BEGIN and some words", declared, "x").file_type.family is Family.TEXT


@pytest.mark.parametrize(
    "declared",
    ["image/svg+xml", "message/rfc822", "text/html", "text/rtf", "application/zip", "application/epub+zip"]
    + ["application/vnd.apple.pages", "image/heic", "application/pdf", "audio/mpeg", "font/woff"],
)
def test_a_text_that_is_none_of_what_it_is_declared_as_is_a_mismatch(desk: Desk, declared: str) -> None:
    assert desk.problem(b"plain words, nothing else", declared) is RejectionReason.TYPE_MISMATCH


def test_a_page_or_a_message_that_is_declared_as_plain_text_stays_text_by_its_extension(desk: Desk) -> None:
    assert desk.inspect(PAGE.encode(), "text/plain", "source.txt").file_type is FileType.TEXT
    assert desk.inspect(PAGE.encode(), "text/plain", "page.htm").file_type is HTML
    assert desk.inspect(PAGE.encode(), "", "page").file_type is HTML


def iwork(*parts: str) -> bytes:
    return files.zipped(dict.fromkeys((*parts, "Metadata/Properties.plist", "preview.jpg"), b"x"))


XPS = files.zipped(
    {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": files.relations(("http://schemas.microsoft.com/xps/2005/06/fixedrepresentation", "D.fdseq")),
        "D.fdseq": "<FixedDocumentSequence/>",
    }
)
OTHERS = [
    (iwork("Index/Document.iwa"), "application/vnd.apple.pages", "letter.pages", "from Pages as a Word document"),
    (iwork("Index/Document.iwa"), "", "letter.pages", "from Pages as a Word document"),
    (iwork("Index.zip"), "application/x-iwork-numbers-sffnumbers", "x", "from Numbers as an Excel workbook"),
    (iwork("index.apxl"), "application/octet-stream", "talk.key", "from Keynote as a PowerPoint presentation"),
    (iwork("Index/Document.iwa"), "application/zip", "x.zip", "Export it"),
    (
        files.zipped({"mimetype": "application/epub+zip", "OEBPS/a.xhtml": "x"}),
        "application/epub+zip",
        "b.epub",
        "as PDF",
    ),
    (files.zipped({"mimetype": "application/vnd.oasis.opendocument.graphics"}), "", "d.odg", "as PDF"),
    (XPS, "application/oxps", "x.oxps", "Save it as PDF"),
]


@pytest.mark.parametrize(("data", "declared", "name", "advice"), OTHERS)
def test_a_package_of_another_program_is_refused_with_the_advice_that_fits(
    desk: Desk, data: bytes, declared: str, name: str, advice: str
) -> None:
    refused = desk.refusal(data, declared, name)
    assert refused.problem is RejectionReason.UNSUPPORTED_TYPE
    assert advice in refused.detail and "Unpack" not in refused.detail


def test_nothing_is_fetched_and_no_depth_ends_the_process(desk: Desk) -> None:
    deep = b"<div>" * 100_000 + b"depth"
    try:
        assert "depth" in desk.text(deep, HTML) or desk.text(deep, HTML) == ""
    except FileRejected as refused:
        assert refused.problem is RejectionReason.TOO_COMPLEX
    nested = b"".join(b"Content-Type: message/rfc822\r\n\r\n" for _ in range(3_000)) + b"Subject: end\r\n\r\nbody"
    try:
        desk.text(nested, EMAIL)
    except FileRejected as refused:
        assert refused.problem is RejectionReason.TOO_COMPLEX
