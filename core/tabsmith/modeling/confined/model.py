"""A stranger's model, asked in a process of its own, which has no files, no network and little memory.

Its trees and weights are checked before they are used (`families.saved_values` and its neighbours); this is the second
wall, for what the checks do not know. Whatever goes wrong behind it is a ModelDamagedError here.
"""

import math
import os
import pickle
import select
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import msgspec
import numpy as np

from tabsmith.errors import ModelDamagedError
from tabsmith.families.estimator import Floats
from tabsmith.families.registry import modules_beside
from tabsmith.modeling.confined.messages import (
    LENGTH,
    Answered,
    ConfinedRequest,
    MembersToLoad,
    RowsToExplain,
    RowsToPredict,
    write_message,
)
from tabsmith.modeling.decisions.types import Calibration
from tabsmith.modeling.explanation.contributions import Contributions, RowExplainer
from tabsmith.modeling.model_files import StoredMember
from tabsmith.modeling.rows import RowArrays
from tabsmith.text import clean

LOAD_SECONDS: Final = 120.0
REQUEST_SECONDS: Final = 120.0
ROW_SECONDS: Final = 0.02  # more for each row, and a thousand times as many for one that is explained
_EXPLAINED: Final = 50
_MOST_HEADER: Final = 1 << 20
_PIECE: Final = 1 << 20
_VARIABLES: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "OMP_NUM_THREADS")


class ConfinedModel:
    """The ensemble of a stranger's model in a process behind walls; it ends with this object, or with this process."""

    def __init__(self, folder: Path, members: Sequence[StoredMember], outputs: int, memory: int) -> None:
        self._origin = str(folder)
        self._outputs = outputs
        passed = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tabsmith.modeling.confined", *modules_beside()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**passed, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
        )
        weakref.finalize(self, _end, self._process)
        self._ask(MembersToLoad(str(folder.resolve()), tuple(members), memory), LOAD_SECONDS, ())

    @property
    def process_id(self) -> int:
        """The process that the model is in."""
        return self._process.pid

    def predict(self, rows: RowArrays) -> Floats:
        """(rows, classes or 1). Raises ModelDamagedError if the model ends, takes too long, or predicts no numbers."""
        seconds = REQUEST_SECONDS + ROW_SECONDS * len(rows)
        (prediction,), _ = self._ask(RowsToPredict(rows), seconds, ((len(rows), self._outputs),))
        return prediction

    def explain(self, rows: RowArrays, background: RowArrays, calibration: Calibration) -> Contributions:
        """The contributions of the columns of `background` to the predictions. Raises ModelDamagedError as `predict`."""
        names = tuple(background.columns)
        seconds = REQUEST_SECONDS + _EXPLAINED * ROW_SECONDS * len(rows)
        shapes = ((len(rows), len(names), self._outputs), (self._outputs,))
        (values, base), exact = self._ask(RowsToExplain(rows, background, calibration), seconds, shapes)
        return Contributions(names, values, base, exact)

    def _ask(
        self, request: ConfinedRequest, seconds: float, shapes: tuple[tuple[int, ...], ...]
    ) -> tuple[list[Floats], bool]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        sizes = [math.prod(shape) * 8 for shape in shapes]
        try:
            write_message(self._process.stdin, pickle.dumps(request))
            length = LENGTH.unpack(self._read(self._process.stdout, LENGTH.size, deadline))[0]
            if length > sum(sizes) + _MOST_HEADER:
                raise self._failed("it answers more than it was asked")
            line, _, numbers = self._read(self._process.stdout, length, deadline).partition(b"\n")
            answer = msgspec.json.decode(line, type=Answered)
        except (OSError, msgspec.MsgspecError) as error:
            raise self._failed(self._ended()) from error
        if answer.error is not None:
            raise self._failed(clean(answer.error.what, 300))
        if answer.shapes != shapes or len(numbers) != sum(sizes):
            raise self._failed("it does not answer what it was asked")
        arrays = []
        for shape, size in zip(shapes, sizes, strict=True):
            arrays.append(np.frombuffer(numbers[:size], "<f8").reshape(shape).astype(np.float64))
            numbers = numbers[size:]
        if not all(np.isfinite(array).all() for array in arrays):
            raise self._failed("it predicts values that are no numbers")
        return arrays, answer.exact

    def _read(self, stream: IO[bytes], count: int, deadline: float) -> bytes:
        """The next `count` bytes of an answer. Raises ModelDamagedError at the deadline or the end of the stream."""
        pieces: list[bytes] = []
        while count:
            ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise self._failed("it takes too long")
            piece = os.read(stream.fileno(), min(count, _PIECE))
            if not piece:
                raise self._failed(self._ended())
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def _ended(self) -> str:
        """How the process has ended, in words."""
        status = self._process.wait()
        if status < 0:
            return f"its process was ended by signal {-status}, as for want of memory or by a fault in its trees"
        return f"its process ended with status {status}"

    def _failed(self, why: str) -> ModelDamagedError:
        """The error for a model that failed; its process is ended."""
        _end(self._process)
        return ModelDamagedError(
            f"The model cannot be used: {why}.",
            where=clean(self._origin, 500),
            next_step="Get the model again from where it came from, or train it again. If it is only large, let models take "
            "more memory: tabsmith config set resources.memory 0.8",
        )


class ConfinedExplainer(RowExplainer):
    """Gives the contributions of the columns to the predictions of a stranger's model."""

    def __init__(self, model: ConfinedModel, background: RowArrays, calibration: Calibration) -> None:
        self._model = model
        self._background = background
        self._calibration = calibration
        self.columns = tuple(background.columns)
        self.base = self.explain(background.take(np.arange(1))).base

    def explain(self, rows: RowArrays) -> Contributions:
        """The contributions of all `rows` at once."""
        return self._model.explain(rows, self._background, self._calibration)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except OSError:  # a request that it no longer took
                continue
