"""Sheets with far cells, without parts, with number formats, headers and notes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docplatform.extraction.formats.workbooks.number_format import shown, shown_text
from docplatform.extraction.model import MEBIBYTE, ExtractionLimits, FileRejected, FileType, RejectionReason
from tests.extraction import samples as files
from tests.extraction.desk import Desk, ink
from tests.extraction.samples.office import OFFICE, TRANSITIONAL, open_xml, relations, zipped

XLSX, XLS, XLSB, ODS = FileType.XLSX, FileType.XLS, FileType.XLSB, FileType.ODS
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"'
    for prefix in ("office", "table", "text", "style")
)


def worksheet(content: str, root: str = "worksheet") -> str:
    return f'<{root} xmlns="{MAIN}">{content}</{root}>'


def cells(*written: str) -> str:
    return worksheet(f"<sheetData>{''.join(written)}</sheetData>")


def text_cell(place: str, text: str) -> str:
    row = "".join(letter for letter in place if letter.isdigit())
    return f'<row r="{row}"><c r="{place}" t="inlineStr"><is><t>{text}</t></is></c></row>'


def workbook(*sheets: tuple[str, str, str], styles: str = "", extra: str = "") -> bytes:
    """``sheets``: (name, relation's kind, markup of the part; '' if it is missing)."""
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, (name, _, _) in enumerate(sheets, 1))
    parts: dict[str, str | bytes] = {
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{TRANSITIONAL}">{extra}<sheets>{listed}</sheets></workbook>',
        **{f"xl/sheet{n}.xml": part for n, (_, _, part) in enumerate(sheets, 1) if part},
    }
    related = [(kind, f"sheet{n}.xml") for n, (_, kind, _) in enumerate(sheets, 1)]
    if styles:
        parts["xl/styles.xml"] = f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>'
        related.append(("styles", "styles.xml"))
    parts["xl/_rels/workbook.xml.rels"] = relations(*related)
    return zipped(open_xml("xl/workbook.xml", f"{OFFICE}spreadsheetml.sheet.main+xml", parts))


def ods_of(content: str, styles: str = "") -> bytes:
    entries: dict[str, str | bytes] = {
        "mimetype": ODS.media_type,
        "content.xml": f"<office:document-content {NAMES}><office:body><office:spreadsheet>{content}"
        "</office:spreadsheet></office:body></office:document-content>",
    }
    if styles:
        entries["styles.xml"] = f"<office:document-styles {NAMES}>{styles}</office:document-styles>"
    return zipped(entries)


def far_xlsx() -> bytes:
    return workbook(("One", "worksheet", cells(text_cell("A1", "near"), text_cell("XFD1048576", "distant"))))


def far_ods() -> bytes:
    near = "<table:table-row><table:table-cell><text:p>near</text:p></table:table-cell></table:table-row>"
    gap = '<table:table-row table:number-rows-repeated="1048574"><table:table-cell/></table:table-row>'
    far = (
        '<table:table-row><table:table-cell table:number-columns-repeated="16383"/>'
        "<table:table-cell><text:p>distant</text:p></table:table-cell></table:table-row>"
    )
    return ods_of(f'<table:table table:name="One">{near}{gap}{far}</table:table>')


def far_xls() -> bytes:
    return files.xls([["near"]], sheet="One", far={(32_769, 129): "middle", (65_535, 255): "distant"})


def far_xlsb() -> bytes:
    return files.xlsb([["near"]], sheet="One", far={(1_048_575, 16_383): "distant"})


FAR: dict[FileType, Callable[[], bytes]] = {XLSX: far_xlsx, ODS: far_ods, XLS: far_xls, XLSB: far_xlsb}


@pytest.mark.parametrize("file_type", FAR, ids=lambda file_type: file_type.value)
def test_cells_at_the_far_end_are_read_in_little_memory(desk: Desk, file_type: FileType) -> None:
    data, little = FAR[file_type](), ExtractionLimits(seconds=20, memory=128 * MEBIBYTE)
    assert desk.inspect(data, limits=little).file_type is file_type
    found = desk.read(data, file_type, little)
    words = found.text.split()
    assert words[0] == "One" and words[1] == "near" and words[-1] == "distant" and not found.truncated
    assert ink(desk.preview(data, file_type, little).preview) > 50


@pytest.mark.parametrize("file_type", [XLS, XLSB], ids=lambda file_type: file_type.value)
def test_cells_on_a_diagonal_are_cut_and_the_document_says_so(desk: Desk, file_type: FileType) -> None:
    if file_type is XLS:
        diagonal = {(n * 4, n % 256): f"cell{n}" for n in range(1, 16_000)}
        data = files.xls([["near"]], far=diagonal)
    else:
        data = files.xlsb([["near"]], far={(n * 60, n): f"cell{n}" for n in range(1, 5_000)})
    found = desk.read(data, file_type, ExtractionLimits(seconds=30, memory=256 * MEBIBYTE))
    assert found.truncated and "near" in found.text and "cell300" in found.text


@pytest.mark.parametrize("file_type", [XLS, XLSB, ODS], ids=lambda file_type: file_type.value)
def test_a_usual_sheet_keeps_its_places(desk: Desk, file_type: FileType) -> None:
    make = {XLS: files.xls, XLSB: files.xlsb, ODS: files.ods}[file_type]
    found = desk.read(make([["a", "b"], ["c", "d"]], sheet="One"), file_type)
    assert found.text == "One\na\tb\nc\td" and not found.truncated


def test_the_sheets_that_can_be_read_are_read_and_the_document_says_that_others_are_missing(desk: Desk) -> None:
    good = cells(text_cell("A1", "good"))
    broken = cells(text_cell("A1", "begun")).replace("</sheetData>", "<row><<<")
    for bad in (("Lost", "worksheet", ""), ("Broken", "worksheet", broken), ("Empty", "worksheet", "no markup")):
        for order in ((bad, ("Good", "worksheet", good)), (("Good", "worksheet", good), bad)):
            data = workbook(*order)
            assert desk.inspect(data, XLSX.media_type).file_type is XLSX
            found = desk.read(data, XLSX)
            assert "good" in found.text.split("\n") and found.truncated, order
            assert desk.preview(data, XLSX).preview
    assert "begun" in desk.text(workbook(("Broken", "worksheet", broken)), XLSX)


def test_a_workbook_none_of_whose_sheets_can_be_read_is_damaged(desk: Desk) -> None:
    with pytest.raises(FileRejected) as refused:
        desk.read(workbook(("One", "worksheet", ""), ("Two", "worksheet", "no markup")), XLSX)
    assert refused.value.problem is RejectionReason.DAMAGED


def test_sheets_of_macros_dialogs_and_charts_do_not_hide_the_others(desk: Desk) -> None:
    macro = worksheet(
        "<sheetData><row><c t='str'><f>HALT()</f><v>halted</v></c></row></sheetData>", "xm:macrosheet"
    ).replace("<xm:macrosheet", '<xm:macrosheet xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main"')
    data = workbook(
        ("Macro1", "xlMacrosheet", macro),
        ("Chart1", "chartsheet", worksheet("", "chartsheet")),
        ("Dialog1", "dialogsheet", worksheet("", "dialogsheet")),
        ("Numbers", "worksheet", cells(text_cell("A1", "quarter"))),
    )
    found = desk.read(data, XLSX)
    assert "quarter" in found.text and "halted" in found.text and not found.truncated


FORMATS = [
    # value, format, shown
    (17, '"INV-"00000', "INV-00017"),
    (1067, "00000", "01067"),
    (0.075, "0.0%", "7.5%"),
    (0.075, "0.0 %", "7.5 %"),
    (1234.5, "#,##0.00", "1,234.50"),
    (1234567, "#,##0", "1,234,567"),
    (-1234.5, "#,##0.00;(#,##0.00)", "(1,234.50)"),
    (0, '0;-0;"none"', "none"),
    (12, '[>10]"many";"few"', "many"),
    (3, '[>10]"many";"few"', "few"),
    (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"),
    (1234.5, '#,##0.00\\ "€"', "1,234.50 €"),
    (1.5, "0.00E+00", "1.50E+00"),
    (12345, "0.0E+0", "1.2E+04"),
    (5, "General", "5"),
    (5, 'General" pcs"', "5 pcs"),
    (12.345, "0.0#", "12.35"),
    (12, "0.0#", "12.0"),
    (0.5, "#.##", ".5"),
    (2.5, "0", "3"),
    (-2.5, "0", "-3"),
    (-0.001, "0.00", "0.00"),
    (12_345_678, '0.0,,"M"', "12.3M"),
    (123456789, "000-00-0000", "123-45-6789"),
    (4012345678, "(000) 000-0000", "(401) 234-5678"),
    (7, "\\A0_)", "A7 "),
    (45356, "dd.mm.yyyy", "05.03.2024"),
    (45356, "d. mmmm yyyy", "5. March 2024"),
    (45356, "m/d/yy", "3/5/24"),
    (45356, "ddd dd-mmm-yy", "Tue 05-Mar-24"),
    (45356.4375, "yyyy-mm-dd hh:mm:ss", "2024-03-05 10:30:00"),
    (45356.9375, "h:mm AM/PM", "10:30 PM"),
    (1.5, "[h]:mm", "36:00"),
    (0.5 + 1 / 86400, "mm:ss", "00:01"),
    (60, "d.m.yyyy", "28.2.1900"),
]


@pytest.mark.parametrize(("value", "code", "expected"), FORMATS)
def test_a_number_is_shown_by_its_format(value: float, code: str, expected: str) -> None:
    assert shown(value, code) == expected


@pytest.mark.parametrize(
    "code",
    ["", ";", ";;;", '"', "\\", "[", "[$", "_", "*", "@", "# ?/?", "E+0", "y" * 2_000, "0" * 2_000, "[>]0", "%%%0"],
)
@pytest.mark.parametrize("value", [0.0, -1.5, 1e300, 1e-300, float("inf"), float("nan"), 3_000_000.0, -5e9])
def test_no_format_and_no_value_is_an_error(value: float, code: str) -> None:
    assert isinstance(shown(value, code), str) and isinstance(shown(value, "d.m.yyyy" + code), str)


def test_a_text_is_shown_by_its_format_too() -> None:
    assert shown_text("17", '"INV-"@') == "INV-17"
    assert shown_text("17", '0;0;0;"<"@">"') == "<17>"
    assert shown_text("17", "0.00") == "17"


def test_cells_are_found_as_shown_and_as_stored(desk: Desk) -> None:
    styles = (
        '<numFmts><numFmt numFmtId="164" formatCode="&quot;INV-&quot;00000"/></numFmts><cellStyleXfs><xf numFmtId="9"/>'
        '</cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="14"/><xf numFmtId="10"/></cellXfs>'
    )
    row = (
        '<row r="1"><c r="A1" s="1"><v>17</v></c><c r="B1" s="2"><v>45356</v></c><c r="C1" s="3"><v>0.075</v></c>'
        '<c r="D1"><v>2.5</v></c><c r="E1" t="b"><v>1</v></c></row>'
    )
    data = workbook(("One", "worksheet", cells(row)), styles=styles)
    assert desk.text(data, XLSX) == "One\nINV-00017 17\t3/5/2024 2024-03-05\t7.50% 0.075\t2.5\tTRUE"
    from_1904 = workbook(("One", "worksheet", cells(row)), styles=styles, extra='<workbookPr date1904="1"/>')
    assert "3/6/2028 2028-03-06" in desk.text(from_1904, XLSX)


def test_shared_strings_are_read_without_their_pronunciation(desk: Desk) -> None:
    hinted = '<si><t>豊田</t><rPh sb="0" eb="2"><t>トヨタ</t></rPh></si>'
    strings = f'<sst xmlns="{MAIN}">{hinted}<si><r><t>ri</t></r><r><t>ch</t></r></si></sst>'
    row = '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="s"><v>99</v></c></row>'
    sheet = {"xl/worksheets/sheet1.xml": cells(row), "xl/sharedStrings.xml": strings}
    related = relations(("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml"))
    data = files.xlsx([], parts={**sheet, "xl/_rels/workbook.xml.rels": related})
    assert desk.text(data, XLSX) == "Prices\n豊田\trich"


def test_headers_and_footers_of_pages_are_read_once_and_without_their_codes(desk: Desk) -> None:
    edges = (
        '<headerFooter><oddHeader>&amp;L&amp;"Arial,Bold"&amp;12Secret &amp;&amp; closed&amp;RPage &amp;P of &amp;N</oddHeader>'
        "<oddFooter>&amp;C&amp;K01+000Footnote &amp;D</oddFooter></headerFooter>"
    )
    sheet = cells(text_cell("A1", "cell")).replace("</worksheet>", f"{edges}</worksheet>")
    text = desk.text(workbook(("One", "worksheet", sheet), ("Two", "worksheet", sheet)), XLSX)
    assert text == "One\ncell\nTwo\ncell\nSecret & closed\nPage  of\nFootnote"


def test_an_open_document_sheet_is_read_as_shown_and_as_stored_with_its_notes_and_headers(desk: Desk) -> None:
    note = "<office:annotation><text:p>a remark</text:p></office:annotation>"
    row = (
        '<table:table-row><table:table-cell office:value-type="percentage" office:value="0.075"><text:p>7,5 %</text:p>'
        f'</table:table-cell><table:table-cell office:value-type="string">{note}<text:p>two<text:s text:c="2"/>words</text:p>'
        '<text:p>second line</text:p></table:table-cell><table:table-cell office:value-type="date" '
        'office:date-value="2024-03-05"><text:p>05.03.24</text:p></table:table-cell></table:table-row>'
    )
    shapes = "<table:shapes><text:p>boxed</text:p></table:shapes>"
    style = "<style:header><text:p>Top secret</text:p></style:header>"
    cell = "<table:table-row><table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>"
    two = f'<table:table table:name="Two">{cell}</table:table>'
    data = ods_of(f'<table:table table:name="One">{shapes}{row}</table:table>{two}', style)
    lines = desk.text(data, ODS).split("\n")
    assert lines[:3] == ["One", "7,5 % 0.075\ttwo  words", "second line\t05.03.24 2024-03-05"]
    assert lines[3:5] == ["Two", "x"] and sorted(lines[5:]) == ["Top secret", "a remark", "boxed"]
