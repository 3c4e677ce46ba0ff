"""A chat state keeps the names that its fields always had on disk."""

import json
from pathlib import Path

from tabsmith.runs.jobs import Predict
from tabsmith.tables.read.sources import FileSource
from tabsmith.telegram.chat_state import ChatState, ChatStates, ChatView, FollowedRun, PredictionJob
from tabsmith.telegram.paths import BridgePaths

CHAT = ChatState(
    user=7,
    chat_id=70,
    name="Ada",
    seen_at=5.0,
    view=ChatView("run", "r-1"),
    followed=(FollowedRun("r-1", "12.0", ("r-1/ended:1",)), FollowedRun("r-2")),
    levels={"champion": "on"},
    job=PredictionJob("12", Predict("m-1", FileSource("/new.csv"), "/out.csv")),
)


def test_a_saved_chat_state_is_read_again_and_has_the_names_of_old(tmp_path: Path) -> None:
    paths = BridgePaths(tmp_path)
    ChatStates(paths).save(CHAT)
    assert ChatStates(paths).all() == (CHAT,)
    text = paths.chat_state(7).read_text()
    assert paths.chat_state(7) == tmp_path / "seats" / "7.json"
    saved = json.loads(text)
    while "user" not in saved:
        saved = next(value for value in saved.values() if isinstance(value, dict))
    assert (saved["chat"], saved["hear"]) == (70, {"champion": "on"})
    assert saved["job"]["turn"] == "12"
    # As it was written when the job was an effect of the workflow.
    old = text.replace('"job":"predict"', '"effect":"predict_file"').replace(
        '"job": "predict"', '"effect": "predict_file"'
    )
    assert old != text
    paths.chat_state(7).write_text(old)
    assert ChatStates(paths).load(7) == CHAT
    assert saved["followed"][0] == {"run_id": "r-1", "board": "12.0", "told": ["r-1/ended:1"]}
