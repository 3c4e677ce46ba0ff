"""The encoding of a text: found by its letters, and doubted where two encodings read it as well."""

# ruff: noqa: RUF001

import pytest

from tabsmith.presentation.tables import reading_line
from tabsmith.tables.read.encoding import guess_encoding
from tabsmith.tables.read.sources import ReadOptions
from tabsmith.tables.snapshot import load_frame

from .conftest import Read

TEXTS = {
    "cp1252": "name,city\nJosé,Málaga\nZoë,Zürich\nFrançois,Orléans\n",
    "cp1250": "imię,miasto\nŁukasz,Łódź\nŚwiętosław,Gdańsk\n",
    "cp1251": "имя,город\nАнна,Москва\nБорис,Казань\n",
    "koi8_r": "имя,город\nАнна,Москва\nБорис,Казань\n",
    "cp1253": "όνομα,πόλη\nΓιώργος,Αθήνα\nΜαρία,Πάτρα\n",
    "mac_roman": "name,city\nJosé,Málaga\nZoë,Zürich\nFrançois,Orléans\n",
    "cp932": "名前,都市\n田中さん,東京\n鈴木さん,大阪\n",
    "gb18030": "姓名,城市\n张伟,北京\n王芳,上海\n",
    "big5": "姓名,城市\n張偉,臺北\n王芳,高雄\n",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_the_letters_of_a_text_tell_its_encoding(encoding: str, read_file: Read) -> None:
    text = TEXTS[encoding]
    info = read_file("t.csv", text.encode(encoding), as_text=True)
    header, first, *_ = text.splitlines()
    assert [column.name for column in info.profile.columns] == header.split(",")
    assert load_frame(info).iloc[0].tolist() == first.split(",")


def test_signs_among_ascii_are_western(read_file: Read) -> None:
    info = read_file("t.csv", "product,price\nCafé – “fine”,5 €\nTea,7 €\n".encode("cp1252"), as_text=True)
    assert load_frame(info)["product"].iloc[0] == "Café – “fine”"
    assert info.other_encodings == ()


def test_an_encoding_that_could_be_another_one_is_doubted_in_words(read_file: Read) -> None:
    info = read_file("t.csv", "jméno,město\nŽofie,Plzeň\nJiří,Třebíč\n".encode("cp1250"), as_text=True)
    assert info.encoding == "cp1250"
    assert "cp1252" in info.other_encodings
    assert "check the letters" in reading_line(info)


def test_a_few_damaged_lines_do_not_make_another_encoding() -> None:
    lines = [f"Zürich {i},{i}".encode() for i in range(40)]
    assert guess_encoding(b"\n".join([*lines, b"K\xf6ln,7", *lines])).name == "utf-8"


def test_an_encoding_given_by_a_person_is_used(read_file: Read) -> None:
    data = "name,n\nŽofie,1\n".encode("cp1250")
    info = read_file("t.csv", data, as_text=True, options=ReadOptions(encoding="cp1250"))
    assert load_frame(info)["name"].tolist() == ["Žofie"]
    assert info.other_encodings == ()
