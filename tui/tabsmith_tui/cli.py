"""`tabsmith` on the command line: the two questions that must be quick, and the way to everything else."""

import sys


def main() -> int:
    """Run the command line; returns the exit status: 0 done, 1 the work failed, 2 wrong use, 130 interrupted."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from tabsmith.version import __version__

        sys.stdout.write(f"tabsmith {__version__}\n")
        return 0
    if arguments == ["--help"]:
        from pathlib import Path

        sys.stdout.write(Path(__file__).with_name("help.txt").read_text(encoding="utf-8"))
        return 0
    from tabsmith_tui.commands.limited import LIMITED, run_limited

    if LIMITED.intersection(arguments[:1]):
        return run_limited(arguments)
    from tabsmith_tui.commands.root import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
