"""Documents: what is saved comes back, what is damaged is moved aside and named, nothing unknown is lost."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabsmith.errors import StorageError
from tabsmith.storage import Damaged, Document, FileLock, Found, Missing, write_atomic


class Inner(msgspec.Struct, frozen=True):
    name: str = ""
    score: float | None = None


class Session(msgspec.Struct, frozen=True):
    step: str
    count: int = 0
    inner: Inner = Inner()
    answers: dict[str, str | int | float | bool | None] = {}
    history: tuple[str, ...] = ()


class Cat(msgspec.Struct, frozen=True, tag="cat"):
    lives: int = 9


class Dog(msgspec.Struct, frozen=True, tag="dog"):
    tricks: int = 0


class House(msgspec.Struct, frozen=True):
    pet: Cat | Dog


def document(path: Path, **options: object) -> Document[Session]:
    return Document(path, Session, version=2, name="session", **options)  # type: ignore[arg-type]


def header(version: int = 2, name: str = "session") -> str:
    return f'"tabsmith": {{"document": "{name}", "version": {version}}}'


text = st.text(st.characters(exclude_categories=["Cs"]))
finite = st.floats(allow_nan=False, allow_infinity=False)
sessions = st.builds(
    Session,
    step=text,
    count=st.integers(-(2**63), 2**64 - 1),
    inner=st.builds(Inner, name=text, score=st.none() | finite),
    answers=st.dictionaries(text, text | st.integers(-(2**63), 2**63) | finite | st.booleans() | st.none()),
    history=st.lists(text).map(tuple),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=sessions)
def test_every_value_comes_back_as_it_was_saved(tmp_path, value):
    path = tmp_path / "s.json"
    document(path).save(value)
    assert document(path).load() == Found(value)


def test_a_document_that_was_never_saved_is_missing(tmp_path):
    assert document(tmp_path / "none" / "s.json").load() == Missing()
    assert not list(tmp_path.iterdir())


def test_a_deleted_document_is_missing_and_may_be_deleted_again(tmp_path):
    saved = document(tmp_path / "s.json")
    saved.save(Session("a"))
    saved.delete()
    assert saved.load() == Missing()
    saved.delete()


def test_the_file_says_which_document_and_version_it_is(tmp_path):
    document(tmp_path / "s.json").save(Session("ä"))
    raw = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert raw["tabsmith"] == {"document": "session", "version": 2}
    assert raw["step"] == "ä"


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no JSON": lambda path: path.write_bytes(b"hello"),
    "cut off": lambda path: path.write_bytes(b'{"step": "a", "cou'),
    "empty": lambda path: path.write_bytes(b""),
    "zeros, as after a power cut": lambda path: path.write_bytes(b"\0" * 512),
    "not UTF-8": lambda path: path.write_bytes(b'{"step": "\xff\xfe"}'),
    "a lone surrogate": lambda path: path.write_text(f'{{{header()}, "step": "\\ud800"}}'),
    "nested deeply": lambda path: path.write_bytes(b'{"step":' + b"[" * 100_000),
    "nested deeply and closed": lambda path: path.write_text(f'{{{header()}, "x": {"[" * 90_000}{"]" * 90_000}}}'),
    "a huge integer": lambda path: path.write_text(f'{{{header()}, "step": "a", "count": {"9" * 5_000}}}'),
    "an integer out of range": lambda path: path.write_text(f'{{{header()}, "step": "a", "history": [1e999]}}'),
    "NaN": lambda path: path.write_text(f'{{{header()}, "step": "a", "inner": {{"score": NaN}}}}'),
    "another shape": lambda path: path.write_bytes(b"[1, 2]"),
    "a wrong type": lambda path: path.write_text(f'{{{header()}, "step": 5}}'),
    "a missing field": lambda path: path.write_text(f"{{{header()}}}"),
    "no header": lambda path: path.write_bytes(b'{"step": "a"}'),
    "a header of another shape": lambda path: path.write_bytes(b'{"tabsmith": 5, "step": "a"}'),
    "a version that is no number": lambda path: path.write_text(
        '{"tabsmith": {"document": "session", "version": true}, "step": "a"}'
    ),
    "another document": lambda path: path.write_text(f'{{{header(name="run")}, "step": "a"}}'),
    "a version with no way up": lambda path: path.write_text(f'{{{header(version=-3)}, "step": "a"}}'),
    "two documents": lambda path: path.write_text(f'{{{header()}, "step": "a"}}{{}}'),
    "a folder": lambda path: (path.mkdir(), (path / "inside").write_bytes(b"x")),
    "a pipe": lambda path: os.mkfifo(path),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_moved_aside_and_named_and_its_place_is_free(tmp_path, kind):
    path = tmp_path / "s.json"
    DAMAGE[kind](path)
    loaded = document(path, clock=lambda: 0.0).load()
    assert isinstance(loaded, Damaged)
    assert loaded.moved_to == tmp_path / "s.json.damaged-19700101T000000Z-1"
    assert os.path.lexists(loaded.moved_to)
    assert loaded.reason
    assert document(path).load() == Missing()
    document(path).save(Session("again"))
    assert document(path).load() == Found(Session("again"))


@pytest.mark.parametrize("kind", DAMAGE)
def test_saving_over_a_damaged_file_moves_it_aside_and_says_so(tmp_path, kind):
    path, told = tmp_path / "s.json", []
    DAMAGE[kind](path)
    document(path, on_damaged=told.append).save(Session("new"))
    assert document(path).load() == Found(Session("new"))
    assert [os.path.lexists(each.moved_to) for each in told] == [True]


def test_a_damaged_file_is_in_the_log_when_nobody_asked_to_be_told(tmp_path, caplog):
    path = tmp_path / "s.json"
    path.write_bytes(b"hello")
    document(path).update(lambda old: Session("new") if old is None else old)
    assert "moved aside" in caplog.text
    assert "s.json.damaged-" in caplog.text


def test_damaged_files_of_the_same_second_do_not_replace_each_other(tmp_path):
    path = tmp_path / "s.json"
    for content in (b"one", b"two"):
        path.write_bytes(content)
        assert isinstance(document(path, clock=lambda: 0.0).load(), Damaged)
    asides = sorted(tmp_path.glob("s.json.damaged-*"))
    assert [aside.read_bytes() for aside in asides] == [b"one", b"two"]


def test_a_document_of_a_newer_tabsmith_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "s.json"
    content = f'{{{header(version=3)}, "other": 1}}'
    path.write_text(content)
    for use in (document(path).load, lambda: document(path).save(Session("a"))):
        with pytest.raises(StorageError, match="newer tabsmith") as caught:
            use()
        assert "Update tabsmith" in caught.value.next_step
    assert path.read_text() == content


def test_fields_of_another_version_stay_in_the_file_at_every_level(tmp_path):
    path = tmp_path / "s.json"
    path.write_text(f'{{{header()}, "step": "a", "later": [1], "inner": {{"name": "n", "also": {{"x": null}}}}}}')
    document(path).update(lambda old: msgspec.structs.replace(old, step="b"))
    document(path).save(Session("c"))
    raw = json.loads(path.read_text())
    assert (raw["step"], raw["later"], raw["inner"]["also"]) == ("c", [1], {"x": None})


def test_fields_of_another_kind_of_struct_do_not_stay(tmp_path):
    path = tmp_path / "h.json"
    house = Document(path, House, version=1, name="house")
    house.save(House(Cat(lives=3)))
    house.save(House(Dog()))
    assert json.loads(path.read_text())["pet"] == {"type": "dog", "tricks": 0}


@pytest.mark.parametrize(
    "value",
    [
        Session("a", inner=Inner(score=math.nan)),
        Session("a", answers={"x": math.inf}),
        Session("\ud800"),
        Session("a", count="text"),  # type: ignore[arg-type]
        Session("a", count=10**5_000),
    ],
)
def test_a_value_that_would_not_come_back_is_refused_before_anything_is_written(tmp_path, value):
    saved = document(tmp_path / "s.json")
    saved.save(Session("old"))
    with pytest.raises(StorageError, match="cannot be stored"):
        saved.save(value)
    assert saved.load() == Found(Session("old"))


def test_a_change_that_fails_leaves_the_document_as_it_was(tmp_path):
    saved = document(tmp_path / "s.json")
    saved.save(Session("old"))

    def fail(_: Session | None) -> Session:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        saved.update(fail)
    assert saved.load() == Found(Session("old"))
    saved.save(Session("new"))


def test_a_good_document_put_in_place_of_a_damaged_one_meanwhile_is_not_moved(tmp_path, monkeypatch):
    path = tmp_path / "s.json"
    path.write_bytes(b"damaged")
    loading = document(path)
    enter = FileLock.__enter__

    def repaired_first(lock):
        monkeypatch.undo()
        document(path.with_name("good.json")).save(Session("good"))
        path.with_name("good.json").rename(path)
        return enter(lock)

    monkeypatch.setattr(FileLock, "__enter__", repaired_first)
    assert loading.load() == Found(Session("good"))


def test_changes_by_several_processes_at_once_are_all_kept(tmp_path, start):
    add = """
    import sys
    from pathlib import Path
    import msgspec
    from tabsmith.storage import Document
    class Count(msgspec.Struct, frozen=True):
        count: int = 0
    counter = Document(Path(sys.argv[1]), Count, version=1, name="count")
    for _ in range(40):
        counter.update(lambda old: Count(old.count + 1 if old else 1))
    """
    programs = [start(add, tmp_path / "count.json") for _ in range(4)]
    for program in programs:
        program.finish()
    assert json.loads((tmp_path / "count.json").read_text())["count"] == 160


def test_a_reader_never_sees_half_a_document_while_others_write(tmp_path, start):
    write = """
    import sys
    from pathlib import Path
    from tabsmith.storage import write_atomic
    content = Path(sys.argv[1]).read_bytes()
    print("writing", flush=True)
    while True:
        write_atomic(Path(sys.argv[1]), content)
    """
    path = tmp_path / "s.json"
    long = Session("a", history=("x" * 1_000,) * 100)
    document(path).save(long)
    assert start(write, path).line() == "writing"
    for _ in range(200):
        assert document(path).load() == Found(long)


def test_a_document_without_permission_to_read_is_an_error_and_not_damage(tmp_path, start):
    path = tmp_path / "s.json"
    write_atomic(path, b"{}")
    code = """
    import os, sys, tempfile
    from pathlib import Path
    import msgspec
    from tabsmith.errors import StorageError
    from tabsmith.storage import Document
    class Empty(msgspec.Struct):
        pass
    if os.getuid() == 0: os.setuid(65534)
    try:
        Document(Path(sys.argv[1]), Empty, version=1, name="x").load()
    except StorageError as error:
        print(error.what)
    """
    path.chmod(0)
    assert "no permission" in start(code, path).finish()
    assert path.exists()
