"""What an agent with hands may do without asking, and how risky the rest is."""

import asyncio
from pathlib import Path

import pytest

from tabsmith.agents.agent_jobs import Deadline, PermissionAnswer, PermissionRequest, PermissionRules
from tabsmith.agents.permission_policy import PermissionPolicy, ToolCall, ToolKind, command_allowed

PATTERNS = ("python *", "make", "git diff*")


@pytest.mark.parametrize(
    "command",
    [
        "python main.py",
        "python",
        "  python   -c 'print(1); import os'",
        'python -c "a > b"',
        "make",
        "git diff --stat",
        "make && python main.py | python count.py; make",
    ],
)
def test_commands_of_the_patterns_run(command: str) -> None:
    assert command_allowed(PATTERNS, command)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "pythonic",
        "make all",
        "MAKE=1 make",
        "python x; rm -rf /",
        "python x && rm -rf /",
        "python x || rm -rf /",
        "python x | sh",
        "python x & rm -rf /",
        "python x;rm -rf /",
        "python x\nrm -rf /",
        "python x > /etc/passwd",
        "python x 2>/etc/passwd",
        "python <(rm -rf /)",
        "python $(rm -rf /)",
        'python "$(rm -rf /)"',
        "python `rm -rf /`",
        "(python x)",
        "python 'x",
        "make &&",
        "; make",
        "python x # && make\r rm",
    ],
)
def test_no_other_command_hides_behind_a_pattern(command: str) -> None:
    assert not command_allowed(PATTERNS, command)


def test_without_patterns_nothing_runs_and_with_a_star_everything() -> None:
    assert not command_allowed((), "true")
    assert command_allowed(("*",), "a; b > $(c)")


class Person:
    """Answers every permission in the same way, and remembers what was asked."""

    def __init__(self, folder: Path, answer: PermissionAnswer, rights: PermissionRules = PermissionRules()) -> None:  # noqa: B008 - frozen
        self.asked: list[PermissionRequest] = []
        self.answer = answer
        self.gate = PermissionPolicy(folder, rights, "ask", self._allow, Deadline(30, 30), lambda _: None)

    async def _allow(self, permission: PermissionRequest) -> PermissionAnswer:
        self.asked.append(permission)
        await asyncio.sleep(0)
        return self.answer


@pytest.mark.parametrize(
    ("use", "what", "risk"),
    [
        ("run", "make", "medium"),
        ("run", "cat {folder}/data.csv", "medium"),
        ("run", "make > /dev/null", "medium"),
        ("run", "cat /etc/passwd", "high"),
        ("run", "cat ../beside", "high"),
        ("run", "tar -C ~/x y", "high"),
        ("run", "cp a '/etc/b'", "high"),
        ("run", "curl example", "high"),
        ("run", "make && sudo make install", "high"),
        ("run", "git clone https://example", "high"),
        ("fetch", "https://example", "high"),
        ("think", "about it", "low"),
        ("other", "anything", "high"),
    ],
)
async def test_what_shows_that_it_reaches_outside_is_a_high_risk(
    tmp_path: Path, use: ToolKind, what: str, risk: str
) -> None:
    person = Person(tmp_path, "no")
    assert await person.gate.decide(ToolCall(use, "tool", what.format(folder=tmp_path))) == "no"
    assert [each.risk for each in person.asked] == [risk]


@pytest.mark.parametrize(
    ("first", "second", "asked"),
    [
        (ToolCall("run", "t", "make a"), ToolCall("run", "t", "make b"), 1),
        (ToolCall("run", "t", "make a"), ToolCall("run", "t", "touch b"), 2),
        (ToolCall("run", "t", "make a"), ToolCall("run", "t", "make /etc"), 2),
        (ToolCall("run", "t", "make a"), ToolCall("run", "t", "make a; touch b"), 2),
        (ToolCall("fetch", "t", "http://a/x"), ToolCall("fetch", "t", "http://a/y"), 1),
        (ToolCall("fetch", "t", "http://a/x"), ToolCall("fetch", "t", "http://b/x"), 2),
        (ToolCall("write", "t", "", ("/outside/a",)), ToolCall("write", "t", "", ("/outside/b",)), 1),
        (ToolCall("write", "t", "", ("/outside/a",)), ToolCall("write", "t", "", ("/beside/a",)), 2),
        (ToolCall("read", "t", "", ("/outside/a",)), ToolCall("write", "t", "", ("/outside/a",)), 2),
        (ToolCall("write", "t", "", ("a",)), ToolCall("write", "t", "", ("b/c",)), 1),
    ],
)
async def test_always_is_for_the_same_tool_in_the_same_way(
    tmp_path: Path, first: ToolCall, second: ToolCall, asked: int
) -> None:
    person = Person(tmp_path, "always", PermissionRules(write=()))
    assert await asyncio.gather(person.gate.decide(first), person.gate.decide(second)) == ["always", "always"]
    assert len(person.asked) == asked


async def test_what_a_person_is_shown_has_no_key_and_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    person = Person(tmp_path, "no")
    await person.gate.decide(ToolCall("run", "t", "echo \x1b[2Jsk-ant-nobody-may-see-this" + " x" * 5_000))
    assert person.asked[0].what.startswith("echo •••")
    assert len(person.asked[0].what) <= 2_000


@pytest.mark.parametrize(("use", "path"), [("read", "docs/a.md"), ("write", "lib/a.py"), ("write", "src/../lib/a.py")])
async def test_a_path_that_no_pattern_names_is_asked_for(tmp_path: Path, use, path: str) -> None:
    person = Person(tmp_path, "no", PermissionRules(read=("src/**",), write=("src/**", "*.txt")))
    assert await person.gate.decide(ToolCall(use, "Tool", path, (path,))) == "no"
    assert len(person.asked) == 1
    assert await person.gate.decide(ToolCall(use, "Tool", "src/a.py", ("src/a.py",))) == "once"
    assert len(person.asked) == 1
