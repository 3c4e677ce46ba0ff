"""The fields and files of a request to the Bot API: a JSON, form or multipart body, and the address's query."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.peers.telegram.records import Json, bad


@dataclass(frozen=True)
class Upload:
    name: str
    data: bytes


@dataclass(frozen=True)
class Form:
    """Fields as they came: a form's are texts, which may hold JSON."""

    fields: Json = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)
    is_there: Callable[[], bool] = lambda: True  # whether somebody waits for the answer

    def text(self, name: str) -> str:
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else json.dumps(value)

    def whole(self, name: str, default: int = 0) -> int:
        try:
            return int(self.fields.get(name, default))
        except (TypeError, ValueError):
            raise bad(f'parameter "{name}" must be a whole number') from None

    def flag(self, name: str) -> bool:
        return str(self.fields.get(name, "")).lower() in ("true", "1", "yes")

    def json(self, name: str, default: Any = None) -> Any:
        value = self.fields.get(name)
        if not isinstance(value, str):
            return default if value is None else value
        try:
            return json.loads(value)
        except ValueError:
            raise bad(f"can't parse {name.replace('_', ' ')} JSON object") from None

    def upload(self, name: str) -> Upload:
        """The file of a field, put there itself or as attach://."""
        value = self.fields.get(name)
        if isinstance(value, str) and value.startswith("attach://"):
            name = value.removeprefix("attach://")
        if name not in self.files:
            raise bad(f"there is no {name} in the request")
        return self.files[name]


def read_form(kind: str, body: bytes, query: str) -> Form:
    """What a request brings. Raises RefusalError for a body that cannot be read."""
    form = Form(dict(parse_qsl(query, keep_blank_values=True)))
    if kind.startswith("application/json"):
        try:
            fields = json.loads(body)
        except ValueError:
            raise bad("can't parse JSON object") from None
        if not isinstance(fields, dict):
            raise bad("object expected")
        form.fields.update(fields)
    elif kind.startswith("multipart/form-data"):
        _read_parts(kind, body, form)
    else:
        form.fields.update(parse_qsl(body.decode(), keep_blank_values=True))
    return form


def _read_parts(kind: str, body: bytes, form: Form) -> None:
    boundary = re.search(r'boundary="?([^";]+)"?', kind)
    if boundary is None:
        raise bad("there is no boundary in the multipart body")
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())[1:]:
        if part.startswith(b"--"):
            return
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        told = head.decode()
        name = re.search(r'[; ]name="([^"]*)"', told)
        file_name = re.search(r'filename="([^"]*)"', told)
        if name is None:
            raise bad("there is a part without a name in the multipart body")
        if file_name is None:
            form.fields[name[1]] = data.decode()
        else:
            form.files[name[1]] = Upload(file_name[1].replace("%22", '"'), data)
    raise bad("the multipart body has no end")
