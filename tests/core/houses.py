"""A regression table of two numbers and a category, in which `price` follows from the others."""

from pathlib import Path

ROWS = 240


def written(path: Path) -> Path:
    """The table at `path`, as CSV."""
    lines = ["area,rooms,district,price"]
    for row in range(ROWS):
        area, rooms, district = 40 + row % 97, 1 + row % 5, "abc"[row % 3]
        lines.append(f"{area},{rooms},{district},{area * 31 + rooms * 500 + ord(district) * 20 + row % 7}")
    path.write_text("\n".join(lines) + "\n")
    return path
