"""The keys of a run and of its result."""

from tabsmith_tui.keys.action import Action

ACTIONS = (
    # A run. Of several actions with one key, the one that has a meaning where the run stands is offered.
    Action("run.result", "enter", "result", "result", "The result: the model, measured on the hold-out.", "run"),
    Action("run.resume", "r,enter", "resume", "resume", "Take an interrupted run up at its next step.", "run"),
    Action("run.allow_once", "y", "allow_once", "yes, once", "Let the agent do this one thing.", "run"),
    Action(
        "run.allow_always", "a", "allow_always", "always", "Allow this and whatever is like it, from now on.", "run"
    ),
    Action(
        "run.answer", "enter,a", "answer", "answer", "Answer the run: an amount, a word, or words for its agent.", "run"
    ),
    Action(
        "run.continue",
        "c",
        "continue",
        "continue",
        "Go on; a limit that is spent does not limit any more.",
        "run",
        False,
    ),
    Action("run.brief", "b", "brief", "change brief", "Go on, and tell the agent something from now on.", "run", False),
    Action("run.skip", "s", "skip", "skip", "Leave this iteration out: its recipe does not count.", "run", False),
    Action(
        "run.decide", "w", "decide", "decide otherwise", "Take another decision about this iteration.", "run", False
    ),
    Action("run.end", "x", "end", "stop", "Answer with the end: stop, and keep the best model.", "run"),
    Action("run.open", "enter", "open", "details", "All that is known of the try under the cursor.", "run"),
    Action("run.pause", "space", "pause", "pause", "Hold everything; paused time is not counted.", "run"),
    Action("run.go_on", "space", "go_on", "go on", "Go on after the pause.", "run"),
    Action("run.play", "space", "play", "play/hold", "In a replay: play on, or hold.", "run"),
    Action("run.back_one", "left", "step(-1)", "back", "In a replay: one event back.", "run"),
    Action("run.on_one", "right", "step(1)", "on", "In a replay: one event on.", "run"),
    Action("run.stop", "x", "stop", "stop after", "Let this iteration end, then keep the best model.", "run"),
    Action("run.stop_now", "X", "stop_now", "stop now", "End the fit under way and keep the best model.", "run"),
    Action(
        "run.more",
        "plus",
        "more",
        "more",
        "More time, dollars, tokens or iterations: +2 min, $5, +20 iterations.",
        "run",
    ),
    Action("run.note", "n", "note", "note", "Tell the agent something; every brief from now on holds it.", "run"),
    Action("run.mode", "m", "mode", "mode", "How much to be asked: manual, confirm or automatic.", "run"),
    Action("run.replay", "r,h", "replay", "replay", "Play the run again from its journal.", "run"),
    Action("run.copy", "c", "copy", "copy details", "Copy the error with all its details.", "run"),
    Action("run.leave", "escape", "leave", "leave", "Back; the run goes on in the background.", "run"),
    Action("run.back", "escape", "back", "back", "Back: from the replay, else to where you came from.", "run"),
    Action("run.filter", "slash", "filter", "filter", "Show only tries and log lines that hold these words.", "run"),
    Action("run.table", "t", "switch_table", "table", "Go to the other table: leaderboard or iterations.", "run"),
    Action("run.details", "d", "details", "details", "All that is known of the try under the cursor.", "run", False),
    Action("run.allow_no", "n", "allow_no", "no", "Refuse it; the agent goes on without it.", "run"),
    # A result
    Action("result.predict", "p", "predict", "predict", "Predict the rows of a file with this model.", "result"),
    Action("result.models", "m", "app.open_models", "models", "All models.", "result"),
    Action("result.copy", "c", "copy", "copy commands", "Copy the Python and command lines for this.", "result"),
    Action("result.run", "r", "open_run", "its run", "How the model came to be: the run, to replay.", "result"),
    Action("result.back", "escape", "back", "back", "Back to where you came from.", "result"),
)
