"""A task file as text, the way a person would have written it: only what is not the default."""

from typing import Final

import msgspec

from tabsmith.tasks.task import Budget, May, Task, TaskFile

_DERIVED: Final = frozenset({"place"})
_TABLES: Final = frozenset({"limits", "may"})


def write(task_file: TaskFile) -> str:
    """The TOML of `task_file`: read again at the same path, it gives an equal value."""
    budget = _changed(task_file.budget, Budget())
    parts = [_table("[budget]", budget)] if budget else []
    for task in task_file.tasks:
        parts.append(_table("[[task]]", _fields(task)))
        parts += [
            _table(f"[task.{name}]", changed)
            for name, changed in (("limits", _changed(task.limits, Budget())), ("may", _changed(task.may, May())))
            if changed
        ]
    return "\n".join(parts)


def _fields(task: Task) -> dict[str, object]:
    required = {"name": task.name, "goal": task.goal, "folder": task.folder, "agent": task.agent, "accept": task.accept}
    changed = _changed(task, Task(name="", goal="", folder="", accept=""))
    return required | {name: value for name, value in changed.items() if name not in _TABLES}


def _table(header: str, fields: dict[str, object]) -> str:
    import tomli_w

    body = tomli_w.dumps(fields)
    if "\\r" not in body:  # a long goal reads better over several lines, but there a carriage return would be lost
        body = tomli_w.dumps(fields, multiline_strings=True)
    return f"{header}\n{body}"


def _changed(value: msgspec.Struct, default: msgspec.Struct) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name in value.__struct_fields__:
        mine = getattr(value, name)
        if name not in _DERIVED and mine != getattr(default, name):
            fields[name] = list(mine) if isinstance(mine, tuple) else mine
    return fields
