"""Encodings of texts: what a text declares, UTF-8 with wrong bytes, and 61 sentences in the encodings of their countries."""

from __future__ import annotations

import unicodedata

import pytest

from docplatform.extraction.model import FileType
from tests.extraction.desk import Desk

TEXT = FileType.TEXT

SENTENCES: dict[str, tuple[str, ...]] = {  # a sentence → its encodings
    "Die Übergabe der Schlüssel erfolgt am 3. März in Düsseldorf, Königstraße 5.": ("cp1252", "cp850", "mac-roman"),
    "Le contrat a été signé à Besançon, où l'hôtelier a reçu les clés du château.": ("cp1252", "cp850", "mac-roman"),
    "La señora Muñoz firmó el contrato de alquiler en Logroño el año pasado.": ("cp1252", "cp850", "mac-roman"),
    "A reunião da direção será na próxima terça-feira às nove horas, em São João.": ("cp1252",),
    "La società può recedere dal contratto perché il pagamento è già scaduto.": ("cp1252",),
    "Styrelsen höll sitt möte på Södermalm och fattade åtskilliga beslut.": ("cp1252", "cp850"),
    "Lejemålet på Nørrebro ophører på grund af manglende betaling af æblegrød.": ("cp1252",),
    "De coördinator heeft het financiële verslag geëvalueerd en goedgekeurd.": ("cp1252",),
    "Samningurinn var undirritaður í Reykjavík þann fimmta október.": ("cp1252",),
    "Vuokrasopimus päättyy ensi kesänä, ellei sitä jatketa määräajaksi.": ("cp1252",),
    "A szerződő felek megállapodtak, hogy a bérleti díjat minden hónap ötödikéig fizetik.": (
        *("cp1250", "iso8859-2", "cp852"),
    ),
    "Umowa została podpisana w Łodzi, a płatność nastąpi w ciągu trzydziestu dni.": ("cp1250", "iso8859-2", "cp852"),
    "Smlouva byla uzavřena v Brně mezi dvěma společnostmi dne třetího září.": ("cp1250", "iso8859-2"),
    "Zmluva nadobúda účinnosť dňom jej podpísania oboma zmluvnými stranami.": ("cp1250",),
    "Contractul de închiriere a fost semnat în oraşul Braşov de către ambele părţi.": ("cp1250", "iso8859-2"),
    "Ugovor o zakupu potpisan je u Šibeniku, a račun će stići idući tjedan.": ("cp1250",),
    "Pogodba je bila podpisana v Škofji Loki, račun pa bo poslan čez teden dni.": ("cp1250",),
    "Kira sözleşmesi İstanbul'da imzalandı ve ücret her ayın beşinde ödenecektir.": ("cp1254", "iso8859-9"),
    "Sutartis buvo pasirašyta Vilniuje, o mokėjimas bus atliktas kitą savaitę.": ("cp1257",),
    "Līgums tika parakstīts Rīgā, un maksājums tiks veikts nākamajā nedēļā.": ("cp1257",),
    "Leping sõlmiti Tallinnas ning üüri tasutakse iga kuu viiendaks kuupäevaks.": ("cp1257",),
    "Договор аренды нежилого помещения заключён между сторонами в городе Москве.": (
        *("cp1251", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic"),
    ),
    "Договір оренди приміщення укладено між сторонами у місті Києві, Україна.": ("cp1251", "koi8-u"),
    "Договорът за наем беше подписан в София и плащането ще бъде извършено утре.": ("cp1251", "iso8859-5"),
    "Уговор о закупу потписан је у Београду и плаћање ће бити извршено сутра.": ("cp1251",),
    "Η σύμβαση μίσθωσης υπογράφηκε στην Αθήνα και η πληρωμή θα γίνει αύριο.": ("cp1253", "iso8859-7"),
    "חוזה השכירות נחתם בתל אביב והתשלום יבוצע בתחילת כל חודש.": ("cp1255", "iso8859-8"),
    "تم توقيع عقد الإيجار في القاهرة وسيتم الدفع في بداية كل شهر.": ("cp1256", "iso8859-6"),
    "قرارداد اجاره در تهران امضا شد و پرداخت در آغاز هر ماه انجام خواهد شد.": ("cp1256",),
    "สัญญาเช่าลงนามที่กรุงเทพมหานครและจะชำระเงินทุกต้นเดือน": ("tis-620",),
    "Hợp đồng thuê nhà được ký tại Hà Nội và tiền thuê được trả hàng tháng.": ("cp1258",),
    "賃貸契約書は東京で署名され、毎月の初めに支払いが行われます。": ("cp932", "euc-jp", "iso2022-jp"),
    "租赁合同在北京签署，每月初支付租金。": ("gb18030",),
    "租賃合約在臺北簽署，每月初支付租金。": ("big5",),
    "임대차 계약서는 서울에서 서명되었고 매월 초에 지급됩니다.": ("cp949", "johab"),
}
TEXTS = [(sentence, encoding) for sentence, encodings in SENTENCES.items() for encoding in encodings]
AIM = 55


def encoded(sentence: str, encoding: str) -> bytes:
    """The bytes of a sentence. cp1258 writes a Vietnamese tone as a mark behind its vowel."""
    if encoding != "cp1258":
        return sentence.encode(encoding)
    tones = "\u0300\u0301\u0303\u0309\u0323"
    written = ""
    for letter in sentence:
        parts = unicodedata.normalize("NFD", letter)
        base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in tones))
        written += base + "".join(part for part in parts if part in tones)
    return written.encode(encoding)


def test_of_61_sentences_in_the_encodings_of_their_countries_at_least_55_are_read_right(desk: Desk) -> None:
    assert len(TEXTS) == 61
    wrong = [
        (encoding, sentence)
        for sentence, encoding in TEXTS
        if unicodedata.normalize("NFC", desk.text(encoded(sentence, encoding), TEXT)) != sentence
    ]
    assert len(TEXTS) - len(wrong) >= AIM, wrong


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Договор аренды нежилого помещения между сторонами в городе Москве.\r\n", "cp866"),
        ("Kira sözleşmesi İstanbul'da imzalanmıştır; Şişli, Üsküdar, Çağlayan\r\n", "cp1254"),
        ("Name;Straße;Ort\nMüller;Königsallee 1;Düsseldorf\nGroß;Hölderlinweg 3;Tübingen\n", "cp1252"),
        ("氏名,住所,金額\n山田太郎,東京都千代田区,1000\n鈴木一郎,大阪府大阪市,2000\n", "cp932"),
    ],
)
def test_short_texts_and_tables_are_read_right(desk: Desk, text: str, encoding: str) -> None:
    assert desk.text(text.encode(encoding), TEXT) == text.replace("\r\n", "\n").strip()


DECLARED = {
    '<?xml version="1.0" encoding="{}"?>\n<note>{}</note>': ["iso-8859-5", "windows-1251", "KOI8-R", "IBM866"],
    "<?xml version='1.0' encoding='{}'?><a>{}</a>": ["x-mac-cyrillic", "cp855"],
    "# -*- coding: {} -*-\n# {}": ["iso8859-5", "cp1251"],
    "#!/bin/sh\n# vim: set fileencoding={} :\n# {}": ["koi8-r"],
    '@charset "{}";\n/* {} */': ["windows-1251"],
    'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset={}\\n"\nmsgstr "{}"': ["ISO-8859-5"],
}


@pytest.mark.parametrize(("form", "name"), [(form, name) for form, names in DECLARED.items() for name in names])
@pytest.mark.parametrize("words", ["Да", "Договор", "№ 5"])
def test_a_declaration_in_the_file_is_believed(desk: Desk, form: str, name: str, words: str) -> None:
    codec = {"x-mac-cyrillic": "mac-cyrillic"}.get(name, name)
    try:
        data = form.format(name, words).encode(codec)
    except UnicodeEncodeError:
        pytest.skip("the encoding has no such character")
    assert words in desk.text(data, TEXT)


@pytest.mark.parametrize("name", ["zlib", "rot13", "hex", "unicode_escape", "idna", "no-such-thing", "utf-16", "../x"])
def test_a_declaration_that_names_no_encoding_of_texts_is_passed_over(desk: Desk, name: str) -> None:
    data = f'<?xml version="1.0" encoding="{name}"?><a>Straße in Düsseldorf für Müller</a>'
    for encoding in ("utf-8", "cp1252"):
        assert "Straße in Düsseldorf für Müller" in desk.text(data.encode(encoding), TEXT)


@pytest.mark.parametrize("bad", [b"\xff", b"\xfc", b"\xc3", b"\x80", b"\xe2\x82"])
@pytest.mark.parametrize("text", ["Der Geschäftsführer bestätigt die Übergabe.\n", "Договор заключён.\n", "契約書\n"])
def test_utf8_with_a_wrong_byte_stays_utf8_with_one_mark(desk: Desk, text: str, bad: bytes) -> None:
    good = text.encode()
    for before, after in ((60, 1), (1, 60), (30, 30)):
        found = desk.text(good * before + bad + b" " + good * after, TEXT)
        assert found == (text * before + "\ufffd " + text * after).strip()


def test_letters_that_come_late_in_a_long_text_decide_too(desk: Desk) -> None:
    plain = b"2026-01-01 12:00:00 INFO request done in 12 ms\n" * 4_000
    late = plain + "Schlüssel für Müller übergeben, Königstraße\n".encode("cp1252")
    assert desk.text(late, TEXT).endswith("Schlüssel für Müller übergeben, Königstraße")
