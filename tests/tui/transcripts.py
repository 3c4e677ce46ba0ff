"""What was said in the sessions of a story, put on the disk by the transcripts themselves."""

from tabsmith.agents.protocol import ModelReply, Prompt
from tabsmith.orchestration.sessions import Transcripts
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.snapshot import RunSnapshot

SYSTEM = "\n".join(
    [
        "You improve a model for one table, iteration after iteration.",
        "Answer with one JSON object.",
        *(f"- column {number}: numeric, no missing values" for number in range(1, 41)),
    ]
)
REPLY = """I look at the tail first.

```json
{"recipe": {"family": "catboost", "derived": [{"name": "log_area", "sql": "ln(Lot_Area + 1)"}]},
 "reason": "log of the area tames its tail", "confidence": 0.8}
```
"""


def feedback(iteration: int) -> str:
    """What the brief of an iteration says of the one before."""
    return f"Iteration {iteration - 1} was measured.\nIt is 9.9 % better than the champion of its time."


def write(folder: RunFolder, run: RunSnapshot, reply: str = REPLY) -> None:
    """A letter for every session, and a reply for every one that was answered."""
    for session in run.sessions:
        told = feedback(session.iteration) if session.iteration > 1 else ""
        text = f"This is iteration {session.iteration}.\n{told}\nTried so far: {session.iteration - 1}"
        transcripts = Transcripts(folder.root, clock=lambda at=session.opened_at: at)
        transcripts.sent(session.id, Prompt(SYSTEM, text, told))
        if session.outcome == "answered":
            transcripts.received(session.id, ModelReply(reply, session.usage, session.model))
