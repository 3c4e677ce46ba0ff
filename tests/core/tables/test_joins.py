"""Tables joined by their keys: which rows find a partner, which are multiplied, and how that is counted."""

from pathlib import Path

import pytest

from tabsmith.errors import ReadError, TableChangedError, UsageError
from tabsmith.presentation.tables import join_sentence
from tabsmith.tables.info import JoinStep, TableInfo
from tabsmith.tables.read.guard import ANYWHERE
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource, JoinKind, JoinSource, OneTable
from tabsmith.tables.snapshot import check_unchanged, ensure_snapshot, load_frame

from .conftest import Write


@pytest.fixture
def shop(write: Write) -> dict[str, OneTable]:
    """Sales of customers, some of whom are unknown, and one of whom is listed twice; and the regions of their cities."""
    files = {
        "sales.csv": "customer,price,city\n1,10.5,Rome\n2,20.5,Oslo\n9,30.5,Rome\n1,40.5,Bonn\n,50.5,Oslo\n",
        "customers.csv": "Customer,age,price\n2,31,1\n1,44,2\n1,45,3\n7,50,4\n",
        "cities.csv": "city,region\nRome,south\nOslo,north\n",
        "codes.csv": "customer,code\nx1,a\n2,b\n",
    }
    return {name.partition(".")[0]: FileSource(str(write(name, text))) for name, text in files.items()}


def join(*tables: OneTable, on: str, how: JoinKind = "left") -> TableInfo:
    return read_source(JoinSource(tables, tuple(on.split(",")), how), allowed=ANYWHERE, max_mb=5)


def test_every_row_of_the_first_table_stays_in_its_order(shop: dict[str, OneTable]) -> None:
    info = join(shop["sales"], shop["customers"], on="customer")
    frame = load_frame(info)
    assert list(frame.columns) == ["customer", "price", "city", "age", "price_2"]
    assert frame["price"].tolist() == [10.5, 10.5, 20.5, 30.5, 40.5, 40.5, 50.5]
    assert frame["age"].fillna(0).tolist() == [44, 45, 31, 0, 44, 45, 0]
    assert info.joins == (JoinStep("customers.csv", ("customer",), "left", 5, 7, unmatched=2, unused=1, multiplied=2),)
    sentence = join_sentence(info.joins[0])
    assert all(part in sentence for part in ("5 rows became 7", "2 rows without a partner", "1 row of it unused"))


def test_only_rows_with_a_partner_stay_where_that_is_asked_for(shop: dict[str, OneTable]) -> None:
    info = join(shop["sales"], shop["customers"], on="customer", how="inner")
    assert load_frame(info)["price"].tolist() == [10.5, 10.5, 20.5, 40.5, 40.5]
    assert info.joins == (JoinStep("customers.csv", ("customer",), "inner", 5, 5, unmatched=2, unused=1, multiplied=2),)


def test_further_tables_are_joined_one_after_the_other(shop: dict[str, OneTable]) -> None:
    cities = join(shop["sales"], shop["cities"], on="city")
    assert load_frame(cities)["region"].tolist()[:3] == ["south", "north", "south"]
    three = join(shop["sales"], shop["customers"], shop["codes"], on="customer")
    assert [step.rows_after for step in three.joins] == [7, 7]
    assert load_frame(three)["code"].tolist()[2] == "b"


def test_a_key_that_is_a_number_here_and_text_there_is_compared_as_text(shop: dict[str, OneTable]) -> None:
    info = join(shop["sales"], shop["codes"], on="customer", how="inner")
    assert load_frame(info)["code"].tolist() == ["b"]


def test_several_keys_must_all_be_equal(write: Write) -> None:
    left = FileSource(str(write("l.csv", "a,b,x\n1,p,0.5\n1,q,1.5\n")))
    right = FileSource(str(write("r.csv", "b,a,y\nq,1,7\np,2,8\n")))
    assert load_frame(join(left, right, on="a,b", how="inner")).to_dict("list") == {
        "a": [1],
        "b": ["q"],
        "x": [1.5],
        "y": [7],
    }


def test_a_key_that_is_not_there_is_refused_with_the_nearest(shop: dict[str, OneTable]) -> None:
    with pytest.raises(ReadError, match="no column custmer") as caught:
        join(shop["sales"], shop["customers"], on="custmer")
    assert "Customer" in caught.value.next_step


@pytest.mark.parametrize("count", [1, 5])
def test_two_to_four_tables_are_joined(count: int, shop: dict[str, OneTable]) -> None:
    with pytest.raises(UsageError, match="two to 4"):
        join(*[shop["sales"]] * count, on="customer")


def test_a_join_of_tables_without_a_common_key_value_is_refused(shop: dict[str, OneTable], write: Write) -> None:
    others = FileSource(str(write("o.csv", "customer,z\n77,1\n")))
    with pytest.raises(ReadError, match="No row is left"):
        join(shop["sales"], others, on="customer", how="inner")


def test_a_join_is_made_again_from_unchanged_files_and_refused_from_others(
    shop: dict[str, OneTable], tmp_path: Path
) -> None:
    info = join(shop["sales"], shop["cities"], on="city")
    info.snapshot_path.unlink()
    assert ensure_snapshot(info) == info
    (tmp_path / "cities.csv").write_text("city,region\nRome,south\nOslo,north\nBonn,west\n")
    with pytest.raises(TableChangedError):
        check_unchanged(info)
    assert load_frame(join(shop["sales"], shop["cities"], on="city"))["region"].tolist()[3] == "west"
