"""The pseudo-terminal harness itself: what it would let pass, every test built on it would."""

from tests.stories.hostile import HOSTILE
from tests.tui.terminal import Terminal, foreign_controls, python_app


def test_a_program_is_driven_by_keys_and_read_by_its_screen() -> None:
    with Terminal(python_app("name = input('Who? '); print('Hello', name)")) as terminal:
        terminal.wait_for("Who?")
        terminal.write("Ada")
        terminal.press("enter")
        terminal.wait_for("Hello Ada")
        assert terminal.wait_exit() == 0


def test_hostile_names_printed_as_they_are_would_be_caught() -> None:
    for name in HOSTILE[3:10]:
        with Terminal(python_app(f"import sys; sys.stdout.write({name!r}); sys.stdout.flush()")) as terminal:
            terminal.wait_exit()
            calm = name.startswith("\x1b[")  # colours and movement cannot be told from the program's own
            assert calm or foreign_controls(terminal.raw), name


def test_the_size_of_the_terminal_is_what_was_asked_for() -> None:
    code = "import os; print(*os.get_terminal_size()); input(); print(*os.get_terminal_size())"
    with Terminal(python_app(code), columns=60, lines=20) as terminal:
        terminal.wait_for("60 20")
        terminal.resize(120, 40)
        terminal.press("enter")
        terminal.wait_for("120 40")
