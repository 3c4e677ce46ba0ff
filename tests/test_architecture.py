"""The house keeps its order: no import goes in a circle, no folder holds more than a person can survey, one class name
has one meaning."""

import ast
from collections import defaultdict
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (ROOT / "core" / "tabsmith", ROOT / "tui" / "tabsmith_tui")
MOST_SIBLINGS = 25


def source_files() -> list[Path]:
    return [path for package in PACKAGES for path in sorted(package.rglob("*.py"))]


def import_cycles() -> list[list[str]]:
    """Groups of modules that import one another, in a function or at the top; imports for types alone do not count."""
    graph = grimp.build_graph("tabsmith", "tabsmith_tui", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: sorted(graph.find_modules_directly_imported_by(module)) for module in sorted(graph.modules)}
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    cycles: list[list[str]] = []

    def visit(module: str) -> None:  # Tarjan's strongly connected components
        order[module] = lowest[module] = len(order)
        stack.append(module)
        for imported in imports[module]:
            if imported not in order:
                visit(imported)
                lowest[module] = min(lowest[module], lowest[imported])
            elif imported in stack:
                lowest[module] = min(lowest[module], order[imported])
        if lowest[module] == order[module]:
            members = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(members) > 1:
                cycles.append(sorted(members))

    for module in imports:
        if module not in order:
            visit(module)
    return cycles


def test_no_import_goes_in_a_circle() -> None:
    assert import_cycles() == []


def test_no_folder_holds_more_siblings_than_a_person_can_survey() -> None:
    siblings: dict[Path, int] = defaultdict(int)
    for path in source_files():
        if path.name != "__init__.py":
            siblings[path.parent] += 1
    crowded = {str(folder.relative_to(ROOT)): count for folder, count in siblings.items() if count > MOST_SIBLINGS}
    assert crowded == {}


def test_one_class_name_has_one_meaning() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in source_files():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_every_file_says_its_subject_in_its_first_line() -> None:
    silent = [
        str(path.relative_to(ROOT)) for path in source_files() if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
