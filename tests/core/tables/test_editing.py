"""A schema changed by hand, and a schema given in words."""

import msgspec
import pytest

from tabsmith.errors import SchemaError
from tabsmith.tables.schema.edits import with_kind, with_role, with_split
from tabsmith.tables.schema.manual import EXAMPLES, apply_manual_schema, parse_manual_schema
from tabsmith.tables.schema.types import ColumnSchema, ManualSchema, Schema, Split

SCHEMA = Schema(
    columns=(
        ColumnSchema("area", "numeric", "feature", "numbers"),
        ColumnSchema("owner", "category", "feature", "texts"),
        ColumnSchema("sold", "date", "feature", "dates"),
        ColumnSchema("price", "numeric", "target", "numbers"),
    ),
    target="price",
    targets=(),
    problem_type="regression",
    split=Split("random", folds=8),
    rows=500,
)


def roles(schema: Schema) -> dict[str, str]:
    return {column.name: column.role for column in schema.columns}


def test_there_is_always_exactly_one_target() -> None:
    changed = with_role(SCHEMA, "owner", "target")
    assert roles(changed) == {"area": "feature", "owner": "target", "sold": "feature", "price": "feature"}
    assert (changed.target, changed.problem_type, changed.split.kind) == ("owner", "multiclass", "stratified")
    with pytest.raises(SchemaError, match="is the target"):
        with_role(SCHEMA, "price", "ignore")


def test_a_group_or_time_role_and_the_split_go_together() -> None:
    grouped = with_role(SCHEMA, "owner", "group")
    assert (grouped.split.kind, grouped.split.by) == ("grouped", "owner")
    forward = with_role(grouped, "sold", "time")
    assert (forward.split.kind, forward.split.by) == ("forward", "sold")
    assert roles(forward)["owner"] == "feature"
    assert with_role(forward, "sold", "feature").split.kind == "random"
    by_split = with_split(SCHEMA, Split("forward", "sold"))
    assert roles(by_split)["sold"] == "time"
    assert roles(with_split(by_split, Split("random")))["sold"] == "feature"


@pytest.mark.parametrize(
    "change",
    [
        lambda: with_role(SCHEMA, "owner", "time"),
        lambda: with_role(SCHEMA, "nothing", "ignore"),
        lambda: with_kind(SCHEMA, "area", "constant"),
        lambda: with_split(SCHEMA, Split("grouped")),
        lambda: with_split(SCHEMA, Split("stratified")),
        lambda: with_split(SCHEMA, Split("random", holdout=0.9)),
        lambda: with_split(SCHEMA, Split("random", folds=1)),
    ],
)
def test_what_does_not_go_together_is_refused_in_words(change: object) -> None:
    with pytest.raises(SchemaError) as caught:
        change()  # type: ignore[operator]
    assert caught.value.next_step


def test_an_unknown_column_names_the_nearest() -> None:
    with pytest.raises(SchemaError, match="area"):
        with_role(SCHEMA, "aera", "ignore")


EXPECTED = ManualSchema("price", ("area", "rooms"))


@pytest.mark.parametrize(
    "text",
    [
        '{"target": "price", "features": ["area", "rooms"]}',
        "target: price\nfeatures: area, rooms",
        "target: price; features: area, rooms",
        "Target = price\nFeatures = area, rooms",
        "label: price\nfeatures:\n- area\n- rooms",
        "price, area, rooms",
        "price\narea\nrooms\n",
        '"price", "area", rooms',
    ],
)
def test_the_three_forms_say_the_same(text: str) -> None:
    assert parse_manual_schema(text) == EXPECTED


def test_types_and_task_are_understood_in_usual_words() -> None:
    wanted = ManualSchema("y", (), {"a": "category", "b": "numeric"}, "binary")
    assert parse_manual_schema('{"target": "y", "types": {"a": "str", "b": "float"}, "task": "binary"}') == wanted
    assert (
        parse_manual_schema("target: y; types: a: categorical, b=float; task: binary classification; features: all")
        == wanted
    )


@pytest.mark.parametrize(
    "text",
    [
        "target: y; types: a: category, b: numeric",
        "target: y; types: a: category; b: numeric",
        "target: y\ntypes:\n  a: category\n  b: numeric",
        "types: a = category\nb = numeric\ntarget: y",
    ],
)
def test_types_may_be_written_one_to_a_line(text: str) -> None:
    assert parse_manual_schema(text) == ManualSchema("y", (), {"a": "category", "b": "numeric"})


@pytest.mark.parametrize(
    "text", ["", "{", '{"target": 3}', "features: a, b", "target: a; features: a", '{"target": "y", "typos": 1}',
             "target: y; types: a: banana", "[" * 100_000, "price, price"]
)  # fmt: skip
def test_a_failure_says_what_was_wrong_with_each_form(text: str) -> None:
    with pytest.raises(SchemaError) as caught:
        parse_manual_schema(text)
    if text:
        for form in ("JSON:", "key: value lines:", "simple list:"):
            assert form in caught.value.what
    assert len(str(caught.value)) < 2_000


def test_words_are_laid_over_what_was_detected() -> None:
    manual = ManualSchema("owner", ("area",), {"area": "code"}, "multiclass")
    schema = apply_manual_schema(manual, SCHEMA)
    assert roles(schema) == {"area": "feature", "owner": "target", "sold": "ignore", "price": "ignore"}
    assert (schema.column("area").kind, schema.problem_type) == ("code", "multiclass")


def test_words_that_do_not_fit_the_table_are_refused() -> None:
    with pytest.raises(SchemaError, match="price"):
        apply_manual_schema(ManualSchema("prize"), SCHEMA)
    with pytest.raises(SchemaError, match="area"):
        apply_manual_schema(ManualSchema("price", ("aera",)), SCHEMA)
    with pytest.raises(SchemaError, match="regression"):
        apply_manual_schema(ManualSchema("owner", problem_type="regression"), SCHEMA)


@pytest.mark.parametrize("text", [EXAMPLES.pairs, EXAMPLES.json, EXAMPLES.names, EXAMPLES.pairs.replace("\n", "; ")])
def test_the_examples_that_every_surface_shows_are_understood(text: str) -> None:
    manual = parse_manual_schema(text)
    assert (manual.target, manual.features[:2]) == ("price", ("area", "rooms"))


@pytest.mark.parametrize("text", ["target: price; group: owner", '{"target": "price", "group": "owner"}'])
def test_rows_of_a_group_stay_together_in_words(text: str) -> None:
    manual = parse_manual_schema(text)
    assert manual == ManualSchema("price", group="owner")
    schema = apply_manual_schema(manual, SCHEMA)
    assert (schema.split.kind, schema.split.by, roles(schema)["owner"]) == ("grouped", "owner", "group")


def test_rows_are_split_along_a_time_in_words() -> None:
    schema = apply_manual_schema(parse_manual_schema("target: price; features: area; time: sold"), SCHEMA)
    assert (schema.split.kind, schema.split.by) == ("forward", "sold")
    assert roles(schema) == {"area": "feature", "owner": "ignore", "sold": "time", "price": "target"}


@pytest.mark.parametrize("text", ["target: price; weight: area", '{"target": "price", "weights": "area"}'])
def test_rows_count_by_a_column_in_words(text: str) -> None:
    schema = apply_manual_schema(parse_manual_schema(text), SCHEMA)
    assert (schema.weight, roles(schema)["area"]) == ("area", "weight")
    assert schema.weight not in [column.name for column in schema.features]
    assert with_role(schema, "area", "feature").weight == ""


@pytest.mark.parametrize("text", ["target: agreed; event: No", '{"target": "agreed", "event": "No"}'])
def test_the_event_of_two_classes_is_named_in_words(text: str) -> None:
    column = ColumnSchema("agreed", "boolean", "target", "")
    two = msgspec.structs.replace(
        SCHEMA, columns=(*SCHEMA.columns[:-1], column), target="agreed", problem_type="binary", event="Yes"
    )
    schema = apply_manual_schema(parse_manual_schema(text), two)
    assert schema.event == "No"
    assert with_role(schema, "area", "target").event == "", "another target has other classes"
    with pytest.raises(SchemaError, match="no two classes"):
        apply_manual_schema(ManualSchema("price", event="No"), SCHEMA)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("target: price; grup: owner", "did you mean group?"),
        ('{"target": "price", "featurs": ["area"]}', "did you mean features?"),
        ("target: price; types: area: numric", "did you mean numeric?"),
        ("target: price; zzz: red", "known are target, features, types, task, group, time, weight"),
        ("target: price; group: price", "has another role too"),
        ("target: price; group: owner; time: sold", "not by both"),
        ("target: price; group: owner; weight: owner", "has another role too"),
    ],
)
def test_a_wrong_word_is_refused_with_the_nearest(text: str, nearest: str) -> None:
    with pytest.raises(SchemaError) as caught:
        parse_manual_schema(text)
    assert nearest in caught.value.what.replace("\n", " ")


def test_a_group_that_is_no_column_is_refused_with_the_nearest() -> None:
    with pytest.raises(SchemaError, match="owner"):
        apply_manual_schema(ManualSchema("price", group="ownr"), SCHEMA)


def test_a_persons_type_makes_a_column_that_was_left_out_a_feature() -> None:
    left_out = msgspec.structs.replace(SCHEMA.columns[1], kind="identifier", role="ignore")
    schema = msgspec.structs.replace(SCHEMA, columns=(SCHEMA.columns[0], left_out, *SCHEMA.columns[2:]))
    changed = apply_manual_schema(parse_manual_schema("target: price; types: owner = category"), schema)
    assert (changed.column("owner").kind, changed.column("owner").role) == ("category", "feature")
    chosen = apply_manual_schema(parse_manual_schema("target: price; features: area; types: owner = category"), schema)
    assert chosen.column("owner").role == "ignore"
