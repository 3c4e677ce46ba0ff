"""The process that a stranger's model is loaded and asked in: limited in memory and system calls, without files or network.

It reads requests from stdin and writes answers to stdout. A request is a pickle, because the process that asks is trusted;
an answer is a line of JSON and plain numbers, because this process is not. See `confined.model`, the other end.
"""

import os
import pickle
import resource
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
import numpy as np

from tabsmith.errors import report_of
from tabsmith.families.estimator import Floats
from tabsmith.modeling.confined.messages import (
    LENGTH,
    Answered,
    MembersToLoad,
    RowsToExplain,
    RowsToPredict,
    write_message,
)
from tabsmith.modeling.ensemble import BaggedModel, load_bagged_model
from tabsmith.modeling.explanation.contributions import RowExplainer
from tabsmith.processes import die_with_parent, limit_memory

CPU_SECONDS: Final = 3_600  # of the whole life of the process


def _read_message(stream: BinaryIO) -> bytes:
    """The next message; empty at the end of the stream."""
    head = stream.read(LENGTH.size)
    return stream.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else b""


def _answer(stream: BinaryIO, arrays: Iterable[Floats] = (), *, exact: bool = True) -> None:
    numbers = [np.ascontiguousarray(array, dtype="<f8") for array in arrays]
    line = msgspec.json.encode(Answered(tuple(array.shape for array in numbers), exact)) + b"\n"
    write_message(stream, line + b"".join(array.tobytes() for array in numbers))


def confine(load: MembersToLoad) -> None:
    """Give up everything that loading and predicting does not need. Raises OSError where the system refuses."""
    from tabsmith.sandbox.confine import confine_process, landlock_version
    from tabsmith.sandbox.policy import LaunchPlan, SandboxLevel, SandboxPolicy, system_paths

    package = Path(__file__).resolve().parents[2]
    cores = Path("/sys/fs/cgroup")  # where libraries look for the number of cores that they may use
    readable = (*system_paths(), package, cores, Path(load.folder))
    limit_memory(load.memory)
    for kind, value in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CPU, CPU_SECONDS)):
        resource.setrlimit(kind, (value, value))
    level: SandboxLevel = "landlock" if landlock_version() else "rlimits"
    confine_process(
        LaunchPlan(level, (), load.folder, load.folder, tuple(map(str, readable)), (), SandboxPolicy(network="none"))
    )


def _serve_model(requests: BinaryIO, answers: BinaryIO) -> None:
    load = pickle.loads(_read_message(requests))  # noqa: S301 - from the process that started this one
    confine(load)
    folder = Path(load.folder)
    model = load_bagged_model([
        (member.recipe, member.weight, [folder / place for place in member.folders]) for member in load.members
    ])  # fmt: skip
    _answer(answers)
    explainer: RowExplainer | None = None
    while message := _read_message(requests):
        request = pickle.loads(message)  # noqa: S301 - as above
        if isinstance(request, RowsToPredict):
            _answer(answers, [model.predict(request.rows)])
            continue
        explainer = explainer or _explainer(model, request)
        found = explainer.explain(request.rows)
        _answer(answers, [found.values, found.base], exact=found.exact)


def _explainer(model: BaggedModel, request: RowsToExplain) -> RowExplainer:
    return RowExplainer(model, request.background, calibration=request.calibration)


def serve() -> None:
    """Serve until stdin ends; an error is answered and ends the process."""
    die_with_parent(os.getppid())
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    try:
        _serve_model(sys.stdin.buffer, answers)
    except Exception as error:  # noqa: BLE001 - the edge of this process
        write_message(answers, msgspec.json.encode(Answered(error=report_of(error))) + b"\n")
