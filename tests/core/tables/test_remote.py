"""Files on the web: fetched only if a setting allows it, within the size limit, from a real server on this machine."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabsmith.errors import FileTooLargeError, PathOutsideError, ReadError, UnsupportedFormatError
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import ReadOptions, RemoteSource, parse_source
from tabsmith.tables.snapshot import load_frame


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, redirections, and a file for who knows the password."""

    def do_GET(self) -> None:
        if self.path == "/moved.csv":
            self.redirect("/t.csv")
        elif self.path == "/astray.csv":
            self.redirect("file:///etc/passwd")
        elif self.path == "/secret.csv" and self.headers.get("Authorization") != "Basic YW5uOnMzY3JAdA==":
            self.send_error(401)
        else:
            super().do_GET()

    def redirect(self, to: str) -> None:
        self.send_response(302)
        self.send_header("Location", to)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TABSMITH_PATHS__REMOTE", "true")
    for name in ("t.csv", "secret.csv"):
        (tmp_path / name).write_text("a;b\n1;x\n2;y\n")
    handler = functools.partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.02,))
        thread.start()
        yield f"127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


def read(url: str, *, max_mb: float = 1) -> TableInfo:
    return read_source(parse_source(url), allowed=(), max_mb=max_mb)


def test_a_file_on_the_web_is_read_like_one_here(server: str) -> None:
    for path in ("t.csv", "moved.csv", "t.csv?token=abc"):
        info = read(f"http://{server}/{path}")
        assert load_frame(info).to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
        assert info.format == "csv"
    options = ReadOptions(delimiter=",")
    info = read_source(RemoteSource(f"http://{server}/t.csv", options=options), allowed=(), max_mb=1)
    assert [column.name for column in info.profile.columns] == ["a;b"]


def test_the_same_content_is_read_once_and_another_anew(server: str, tmp_path: Path) -> None:
    first = read(f"http://{server}/t.csv")
    assert read(f"http://{server}/t.csv") == first
    (tmp_path / "t.csv").write_text("a;b\n1;x\n2;y\n3;z\n")
    assert read(f"http://{server}/t.csv").rows == 3


def test_the_web_is_closed_unless_it_is_allowed(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TABSMITH_PATHS__REMOTE")
    with pytest.raises(PathOutsideError) as caught:
        read(f"http://{server}/t.csv")
    assert "paths.remote" in caught.value.next_step


def test_a_password_goes_to_the_server_and_nowhere_else(server: str) -> None:
    assert read(f"http://ann:s3cr%40t@{server}/secret.csv").rows == 2
    address = "http://ann:%s@" + server + "/nothing.csv"
    with pytest.raises(ReadError) as caught:
        read(address % "s3cr%40t")
    assert "s3cr" not in str(caught.value)
    assert parse_source(address % "pw") == RemoteSource(f"http://ann@{server}/nothing.csv")


@pytest.mark.parametrize("path", ["nothing.csv", "secret.csv", "astray.csv"])
def test_what_the_server_does_not_give_is_told(path: str, server: str) -> None:
    with pytest.raises(ReadError, match="does not give"):
        read(f"http://{server}/{path}")


def test_a_file_over_the_limit_is_given_up_while_it_comes(server: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 500_000)
    with pytest.raises(FileTooLargeError):
        read(f"http://{server}/t.csv")


def test_s3_is_refused_in_words(server: str) -> None:
    with pytest.raises(UnsupportedFormatError, match="s3"):
        read("s3://bucket/t.csv")
