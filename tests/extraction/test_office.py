"""The text of Office files, wherever it is stored."""

from __future__ import annotations

import io
import zipfile

import pytest

from docplatform.extraction.model import ExtractionLimits, FileType
from tests.extraction import samples as files
from tests.extraction.desk import Desk, ink


def paragraph(content: str) -> str:
    return f"<w:p>{content}</w:p>"


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def word(desk: Desk, body: str) -> str:
    return desk.text(files.docx([], body=body), FileType.DOCX)


def test_a_word_in_several_runs_stays_one_word(desk: Desk) -> None:
    assert word(desk, paragraph(run("helio") + run("trope"))) == "heliotrope"


def test_tabs_and_breaks_part_words_but_tab_stops_do_not(desk: Desk) -> None:
    stops = '<w:pPr><w:tabs><w:tab w:val="left" w:pos="720"/></w:tabs></w:pPr>'
    body = paragraph(stops + run("one") + "<w:r><w:tab/></w:r>" + run("two") + "<w:r><w:br/></w:r>" + run("three"))
    assert word(desk, body) == "one\ttwo\nthree"


def test_tables_become_rows_and_cells(desk: Desk) -> None:
    def row(*cells: str) -> str:
        return "<w:tr>" + "".join(f"<w:tc>{cell}</w:tc>" for cell in cells) + "</w:tr>"

    inner = "<w:tbl>" + row(paragraph(run("x")), paragraph(run("y"))) + "</w:tbl>"
    table = "<w:tbl>" + row(paragraph(run("a")), paragraph(run("b"))) + row(paragraph(run("c")), inner) + "</w:tbl>"
    assert word(desk, paragraph(run("before")) + table + paragraph(run("after"))) == "before\na\tb\nc\tx\ty\nafter"


def test_a_text_box_is_read_once(desk: Desk) -> None:
    box = f"<w:txbxContent>{paragraph(run('boxed'))}</w:txbxContent>"
    both = (
        f"<mc:AlternateContent><mc:Choice>{box}</mc:Choice>"
        f"<mc:Fallback><v:textbox>{box}</v:textbox></mc:Fallback></mc:AlternateContent>"
    )
    assert word(desk, paragraph(run("around") + f"<w:r>{both}</w:r>")) == "around\nboxed"


def test_deleted_and_moved_text_is_gone_and_inserted_text_is_there(desk: Desk) -> None:
    body = paragraph(
        "<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>"
        f"<w:ins>{run('inserted ')}</w:ins><w:moveFrom>{run('moved')}</w:moveFrom>{run('kept')}"
    )
    assert word(desk, body) == "inserted kept"


def test_field_codes_are_not_text_and_their_results_are(desk: Desk) -> None:
    body = paragraph("<w:r><w:instrText>HYPERLINK secret</w:instrText></w:r>" + run("result"))
    assert word(desk, body) == "result"


def test_notes_comments_headers_and_footers_are_read(desk: Desk) -> None:
    kinds = ["footnotes", "endnotes", "comments", "header", "footer"]
    roots = dict(zip(kinds, ["footnotes", "endnotes", "comments", "hdr", "ftr"], strict=True))
    parts: dict[str, str | bytes] = {
        f"word/{kind}.xml": files.wordml(root, paragraph(run(f"of {kind}"))) for kind, root in roots.items()
    }
    data = files.docx(["body"], parts=parts, related=[(kind, f"{kind}.xml") for kind in kinds])
    lines = desk.text(data, FileType.DOCX).split("\n")
    assert lines[0] == "body"
    assert sorted(lines[1:]) == sorted(f"of {kind}" for kind in kinds)


def test_strict_open_xml_is_read_like_the_usual_one(desk: Desk) -> None:
    header = files.wordml("hdr", paragraph(run("strict header")), strict=True)
    data = files.docx(["strict body"], parts={"word/h.xml": header}, related=[("header", "h.xml")], strict=True)
    assert desk.inspect(data).file_type is FileType.DOCX
    assert desk.text(data, FileType.DOCX) == "strict body\nstrict header"


def test_names_of_parts_may_differ_in_case_and_point_upwards(desk: Desk) -> None:
    data = files.docx(
        ["body"],
        parts={"Shared/Notes.xml": files.wordml("footnotes", paragraph(run("noted")))},
        related=[("footnotes", "../shared/notes.xml")],
    )
    assert desk.text(data, FileType.DOCX) == "body\nnoted"


def test_inserted_html_is_read_without_its_scripts(desk: Desk) -> None:
    head = "<head><title>t</title><style>p {}</style></head>"
    page = f"<html>{head}<body><p>Some   <b>inserted</b> words</p><script>x()</script></body></html>"
    data = files.docx(["body"], parts={"word/part.html": page}, related=[("aFChunk", "part.html")])
    assert desk.text(data, FileType.DOCX) == "body\nSome inserted words"


def test_a_document_in_a_document_is_not_opened(desk: Desk) -> None:
    inner = files.docx(["matryoshka"])
    data = files.docx(["body"], parts={"word/inner.docx": inner}, related=[("aFChunk", "inner.docx")])
    assert desk.text(data, FileType.DOCX) == "body"


def test_slides_are_read_in_the_order_they_are_shown(desk: Desk) -> None:
    deck = files.pptx([("First", ["a"]), ("Second", ["b"])])
    assert desk.text(deck, FileType.PPTX).split("\n") == ["First", "a", "Second", "b"]


def test_notes_comments_and_diagrams_of_a_slide_are_read(desk: Desk) -> None:
    numbered = files.slide_shape("17", "sldNum") + files.slide_shape("spoken", "body")
    diagram = "<d:t><a:p><a:r><a:t>drawn</a:t></a:r></a:p></d:t>"
    parts: dict[str, str | bytes] = {
        "ppt/notes1.xml": files.slideml("notes", numbered),
        "ppt/comment1.xml": '<p:cmLst xmlns:p="p"><p:cm><p:text>remarked</p:text></p:cm></p:cmLst>',
        "ppt/diagram1.xml": f'<d:dataModel xmlns:d="d" xmlns:a="a">{diagram}</d:dataModel>',
    }
    related = [("notesSlide", "../notes1.xml"), ("comments", "../comment1.xml"), ("diagramData", "../diagram1.xml")]
    text = desk.text(files.pptx([("Title", [])], parts=parts, related=related), FileType.PPTX)
    assert sorted(text.split("\n")) == ["Title", "drawn", "remarked", "spoken"]


def test_a_layout_gives_its_own_text_but_not_its_placeholders(desk: Desk) -> None:
    layout = files.slideml("sldLayout", files.slide_shape("Click to edit", "title") + files.slide_shape("Confidential"))
    deck = files.pptx(
        [("One", []), ("Two", [])], parts={"ppt/layout1.xml": layout}, related=[("slideLayout", "../layout1.xml")]
    )
    assert desk.text(deck, FileType.PPTX).split("\n") == ["One", "Two", "Confidential"]


def test_cells_read_as_a_sheet_shows_them(desk: Desk) -> None:
    data = files.xlsx([["name", "amount"], ["blue", 12], ["", 2.5]], sheet="Colours")
    assert desk.text(data, FileType.XLSX).split("\n") == ["Colours", "name\tamount", "blue\t12", "2.5"]


def test_comments_and_text_boxes_of_a_sheet_are_read(desk: Desk) -> None:
    comment = "<comment><text><r><t>remarked</t></r></text></comment>"
    parts: dict[str, str | bytes] = {
        "xl/comments1.xml": f"<comments><commentList>{comment}</commentList></comments>",
        "xl/drawings/drawing1.xml": '<x:wsDr xmlns:x="x" xmlns:a="a"><a:p><a:r><a:t>boxed</a:t></a:r></a:p></x:wsDr>',
    }
    lines = desk.text(files.xlsx([["cell"]], parts=parts), FileType.XLSX).split("\n")
    assert lines == ["Prices", "cell", "remarked", "boxed"]


def test_an_empty_cell_that_is_only_formatted_far_away_costs_nothing(desk: Desk) -> None:
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>7</v></c></row><row r="1048576"><c r="XFD1048576" s="1"/></row>'
        "</sheetData></worksheet>"
    )
    data = files.xlsx([[1]], parts={"xl/worksheets/sheet1.xml": sheet})
    assert desk.text(data, FileType.XLSX) == "Prices\n7"


def test_a_long_document_is_cut_and_says_so(desk: Desk) -> None:
    data = files.docx([f"paragraph {number}" for number in range(1_000)])
    found = desk.read(data, FileType.DOCX, ExtractionLimits(text_characters=500))
    assert found.truncated
    assert found.text.startswith("paragraph 0\n") and len(found.text) <= 500


@pytest.mark.parametrize(
    "script", ["日本語の契約書", "عقد التوريد", "חוזה", "สัญญา", "Договор №5", "Smlouva žluťoučký", "🙂🙃 𝔊𝔬𝔱𝔥𝔦𝔠"]
)
def test_every_script_is_found_and_leaves_a_mark_on_the_page(desk: Desk, script: str) -> None:
    data = files.docx([script])
    assert desk.text(data, FileType.DOCX) == script
    assert ink(desk.preview(data, FileType.DOCX).preview) > 100


def test_headings_stand_out_on_the_page(desk: Desk) -> None:
    level = '<w:pPr><w:outlineLvl w:val="0"/></w:pPr>'
    style = f'<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/>{level}</w:style>'
    parts: dict[str, str | bytes] = {"word/styles.xml": files.wordml("styles", style)}
    heading = paragraph('<w:pPr><w:pStyle w:val="berschrift1"/></w:pPr>' + run("Heading of the contract"))
    plain = files.docx(["Heading of the contract"], parts=parts, related=[("styles", "styles.xml")])
    titled = files.docx([], body=heading, parts=parts, related=[("styles", "styles.xml")])
    assert ink(desk.preview(titled, FileType.DOCX).preview) > 2 * ink(desk.preview(plain, FileType.DOCX).preview)


def test_a_deck_without_words_shows_the_picture_its_program_left(desk: Desk) -> None:
    deck = files.pptx([])
    assert ink(desk.preview(deck, FileType.PPTX).preview) < 20_000
    with zipfile.ZipFile(io.BytesIO(deck)) as archive:
        entries: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    kind = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
    entries["_rels/.rels"] = files.relations(
        ("officeDocument", "ppt/presentation.xml"), (kind, "docProps/thumbnail.jpeg")
    )
    entries["docProps/thumbnail.jpeg"] = files.picture(FileType.JPEG, (256, 192))
    assert ink(desk.preview(files.zipped(entries), FileType.PPTX).preview) > 20_000
