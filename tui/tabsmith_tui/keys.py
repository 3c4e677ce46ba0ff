"""Every action of the program as data: its id, its keys, its label and one sentence of help.

The footer, the help panel, the command palette and the keymap of the settings all read this table. To give a screen
keys, add a scope and a tuple of actions here.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

Scope: TypeAlias = Literal[
    "app",
    "home",
    "runs",
    "beside",
    "models",
    "predict",
    "agents",
    "condition",
    "tasks",
    "bridge",
    "explore",
    "guided",
    "run",
    "try",
    "result",
    "question",
    "error",
]
"""Where an action works: everywhere ("app"), or on one screen; "question" and "error" are dialogs."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something a person can do with a key, from the palette, or with the mouse in the footer.

    `keys` are Textual's key names, several divided by commas; a person may change them by `id`. `does` is Textual's
    action: `pause` is the method `action_pause` of the screen, `app.help_panel` one of the app. `help` is one sentence
    in plain words. `in_footer` shows it at the bottom of the screen.
    """

    id: str
    keys: str
    does: str
    label: str
    help: str
    in_footer: bool = True

    @property
    def scope(self) -> Scope:
        """Where the action works: the first word of its id."""
        return cast(Scope, self.id.partition(".")[0])


# Everywhere, and on home, runs, models, predict and in dialogs -------------------------------------------------------

_SHELL: Final[tuple[Action, ...]] = (
    Action("app.help", "f1", "app.help_panel", "help", "Explain what has the focus, and list the keys."),
    Action("app.palette", "f2,colon,ctrl+p", "app.command_palette", "commands", "Find any action by its name."),
    Action(
        "app.quit",
        "q,ctrl+q",
        "app.leave",
        "quit",
        "Leave tabsmith. Runs continue in the background unless you stop them.",
    ),
    Action("app.interrupt", "ctrl+c", "app.interrupt", "copy or quit", "Copy the selection, or quit.", False),
    Action("app.theme", "f3", "app.next_theme", "theme", "Go to the next theme: dark, light, terminal.", False),
    # Home
    Action("home.open", "enter", "open", "open", "Open what the cursor is on."),
    Action("home.new", "n", "new", "new", "Train a new model: choose a table, then confirm each step."),
    Action("home.sample", "s", "sample", "sample", "Start with a small table that comes with tabsmith."),
    Action("home.runs", "r", "app.open_screen('runs')", "runs", "All runs: open, resume, stop, delete."),
    Action("home.models", "m", "app.open_screen('models')", "models", "All models: report, predict, export, delete."),
    Action("home.predict", "p", "app.open_screen('predict')", "predict", "Predict the rows of a file with a model."),
    Action(
        "home.agents", "a", "app.open_screen('agents')", "agents", "Who proposes recipes, and when runs pause for you."
    ),
    Action("home.tasks", "k", "app.open_screen('tasks')", "tasks", "Write coding tasks for agents, and run them."),
    Action(
        "home.bridge",
        "b",
        "app.open_screen('bridge')",
        "bridge",
        "Telegram: the same conversation from a phone, on or off.",
    ),
    Action("home.explore", "x", "explore", "ask", "Ask the table of your session in words."),
    Action("home.reload", "f5", "reload", "refresh", "Read runs and models again.", False),
    # Runs
    Action("runs.open", "enter", "open", "open", "Open the run: live when it works, replayed when it ended."),
    Action("runs.filter", "slash", "filter", "filter", "Show only the runs whose line holds these words."),
    Action("runs.resume", "r", "resume", "resume", "Resume an interrupted run at its next step."),
    Action("runs.stop", "x", "stop", "stop", "Stop the run now and keep its best model so far."),
    Action("runs.delete", "d,delete", "delete", "delete", "Delete the run's records, after a question."),
    Action("runs.mark", "space", "mark", "mark", "Mark the run, to look at several side by side."),
    Action("runs.beside", "v", "beside", "side by side", "Open the marked runs side by side."),
    Action("runs.reload", "f5", "reload", "refresh", "Read the runs again.", False),
    Action("runs.back", "escape", "back", "back", "Back to where you came from."),
    # Models
    Action("models.open", "enter", "open", "report", "Show the whole report of the model."),
    Action("models.filter", "slash", "filter", "filter", "Show only models whose line holds these words."),
    Action("models.predict", "p", "predict", "predict", "Predict the rows of a file with this model."),
    Action("models.export", "e", "export", "export", "Write the model into one file, to take it elsewhere."),
    Action("models.rename", "n", "rename", "name", "Give the model a name of your own, beside its id."),
    Action("models.note", "t", "note_on", "note", "Keep a note on the model."),
    Action("models.promote", "a", "promote", "promote", "Let an alias, such as production, mean this model."),
    Action("models.mark", "space", "mark", "mark", "Mark the model, to compare another one with it."),
    Action("models.compare", "c", "compare", "compare", "Compare the model with the marked one, on the same rows."),
    Action("models.delete", "d,delete", "delete", "delete", "Delete the model, after a question."),
    Action("models.reload", "f5", "reload", "refresh", "Read the models again.", False),
    Action("models.back", "escape", "back", "back", "Back to where you came from."),
    # Predict
    Action("predict.go", "f9,ctrl+enter", "go", "predict", "Predict the rows of the file."),
    Action("predict.copy", "f8", "copy", "copy path", "Copy where the predictions were written."),
    Action("predict.back", "escape", "back", "cancel/back", "Cancel what is running; or go back."),
    # Dialogs
    Action("question.take", "enter", "select", "choose", "Take the line under the cursor."),
    Action("question.back", "escape", "back", "back", "Change nothing and go back."),
    Action("question.use", "f9,ctrl+enter", "take", "use", "Read the table in this way."),
    Action("question.try", "f9,ctrl+enter", "take", "try it", "Fit this recipe next."),
    Action("error.copy", "c", "copy", "copy details", "Copy the error with all its details."),
    Action("error.details", "d", "details", "details", "Show or hide the technical details."),
    Action("error.close", "escape,enter", "close", "close", "Go back to where it happened."),
)

# The guided steps: one screen shows them all, and each step lets through the actions that mean something there -------

_GUIDED: Final[tuple[Action, ...]] = (
    Action("guided.next", "enter,f9,ctrl+enter", "next", "next", "Take what is shown, and continue."),
    Action("guided.accept", "enter,f9,ctrl+enter", "accept", "accept", "Take the schema as it is shown."),
    Action("guided.start", "enter,f9,ctrl+enter", "start", "start training", "Start training now."),
    Action("guided.result", "enter,f9,ctrl+enter", "result", "result", "Show the whole report of the model."),
    Action("guided.watch", "enter,f9,ctrl+enter", "watch", "watch the run", "Open the run, live."),
    Action("guided.edit", "e", "edit", "edit column", "Change the column's kind and role."),
    Action("guided.toggle", "space", "use", "feature/ignore", "Use the column as a feature, or leave it out."),
    Action("guided.target", "t", "target", "target", "Choose another column to predict."),
    Action("guided.split", "s", "split", "split", "Choose the test set and the folds."),
    Action("guided.lines", "v", "lines", "bad lines", "Lines that could not be read, or were repaired."),
    Action("guided.preview", "p", "preview", "preview", "Show the first rows of the table as they were read."),
    Action("guided.reading", "o", "reading", "read as", "Say how the file is read, with the effect at once."),
    Action("guided.explore", "x", "explore", "ask", "Ask this table in words: means, counts, relations, tests."),
    Action("guided.predict", "p", "predict", "predict", "Predict new rows with this model."),
    Action("guided.filter", "slash", "filter", "filter", "Show only columns whose name has these letters."),
    Action("guided.reject", "r", "reject", "different file", "This is the wrong table: choose another file.", False),
    Action("guided.new", "n", "new", "new", "Start over with a different file."),
    Action("guided.copy", "c,f8", "copy", "copy", "Copy the error's details, or the command line."),
    Action("guided.back", "escape", "back", "back", "One step back; ends reading, erases nothing."),
    Action("guided.agents", "f6", "app.open_screen('agents')", "agents", "Who proposes recipes, and how.", False),
    Action("guided.cancel", "f7", "cancel", "discard session", "Discard this session, after a question.", False),
)

# A run and its result ------------------------------------------------------------------------------------------------

_RUN: Final[tuple[Action, ...]] = (
    # A run. Of several actions with one key, the one that has a meaning where the run stands is offered.
    Action("run.result", "enter", "result", "result", "The result: the model, measured on the test set."),
    Action("run.resume", "r,enter", "resume", "resume", "Resume an interrupted run at its next step."),
    Action("run.allow_once", "y", "allow_once", "yes, once", "Allow this one tool call."),
    Action("run.allow_always", "a", "allow_always", "always", "Allow this and similar tool calls from now on."),
    Action("run.answer", "enter,a", "answer", "answer", "Answer the run: an amount, a word, or words for its agent."),
    Action(
        "run.continue", "c", "continue", "continue", "Continue; a limit that is spent does not limit any more.", False
    ),
    Action("run.brief", "b", "brief", "change brief", "Continue, and tell the agent something from now on.", False),
    Action("run.skip", "s", "skip", "skip", "Skip this iteration: its recipe does not count.", False),
    Action("run.decide", "w", "decide", "different decision", "Take another decision about this iteration.", False),
    Action("run.end", "x", "end", "stop", "Answer with the end: stop, and keep the best model."),
    Action("run.open", "enter", "open", "details", "Everything about the try under the cursor."),
    Action("run.pause", "space", "pause", "pause", "Hold everything; paused time is not counted."),
    Action("run.go_on", "space", "go_on", "resume", "Resume after the pause."),
    Action("run.play", "space", "play", "play/hold", "In a replay: play on, or hold."),
    Action("run.back_one", "left", "step(-1)", "back", "In a replay: one event back."),
    Action("run.on_one", "right", "step(1)", "on", "In a replay: one event on."),
    Action("run.stop", "x", "stop", "stop after", "Let this iteration end, then keep the best model."),
    Action("run.stop_now", "X", "stop_now", "stop now", "End the fit under way and keep the best model."),
    Action("run.more", "plus", "more", "more", "More time, dollars, tokens or iterations: +2 min, $5, +20 iterations."),
    Action("run.note", "n", "note", "note", "Tell the agent something; every brief from now on holds it."),
    Action("run.mode", "m", "mode", "mode", "When to pause for you: manual, confirm or automatic."),
    Action("run.replay", "r,h", "replay", "replay", "Play the run again from its journal."),
    Action("run.copy", "c", "copy", "copy details", "Copy the error with all its details."),
    Action("run.leave", "escape", "leave", "leave", "Back; the run continues in the background."),
    Action("run.back", "escape", "back", "back", "Back: from the replay, else to where you came from."),
    Action("run.filter", "slash", "filter", "filter", "Show only tries and log lines that hold these words."),
    Action("run.table", "t", "switch_table", "table", "Go to the other table: leaderboard or iterations."),
    Action("run.recipe", "e", "try_recipe", "own recipe", "Write a recipe of your own, which is fitted next.", False),
    Action("run.details", "d", "details", "details", "Everything about the try under the cursor.", False),
    Action("run.allow_no", "n", "allow_no", "no", "Refuse it; the agent continues without it."),
    # A result
    Action("result.predict", "p", "predict", "predict", "Predict the rows of a file with this model."),
    Action("result.models", "m", "app.open_screen('models')", "models", "All models."),
    Action("result.copy", "c", "copy", "copy commands", "Copy the Python and command lines for this."),
    Action("result.run", "r", "open_run", "its run", "The run that trained the model, to replay."),
    Action("result.back", "escape", "back", "back", "Back to where you came from."),
)

# One trial, and runs side by side ------------------------------------------------------------------------------------

_TRIALS: Final[tuple[Action, ...]] = (
    # A try, page by page
    Action("try.next_page", "tab", "page(1)", "page", "The next page: overview, recipe, brief, reply ..."),
    Action("try.last_page", "shift+tab", "page(-1)", "page before", "The page before.", False),
    Action("try.before", "left,left_square_bracket", "iteration(-1)", "try before", "The iteration before."),
    Action("try.after", "right,right_square_bracket", "iteration(1)", "next try", "The iteration after."),
    Action("try.attempt", "a", "attempt", "attempt", "The next session of this iteration, round and round."),
    Action("try.unfold", "o", "unfold", "unfold", "Show long texts whole, or their beginnings."),
    Action("try.copy", "c,f8", "copy", "copy", "Copy this page, long texts whole."),
    Action("try.back", "escape", "back", "back", "Back to the run."),
    *(
        Action(f"try.page_{number}", str(number), f"to_page({number})", f"page {number}", f"Page {number}.", False)
        for number in range(1, 7)
    ),
    # Runs side by side
    Action("beside.open", "enter", "open", "open", "Open the run of this column."),
    Action("beside.left", "left,shift+tab", "move(-1)", "left", "To the column on the left.", False),
    Action("beside.right", "right,tab", "move(1)", "right", "To the column on the right.", False),
    Action("beside.remove", "delete", "remove", "remove", "Remove this run from the comparison."),
    Action("beside.back", "escape", "back", "back", "Back to the runs."),
)

# The agents and a condition ------------------------------------------------------------------------------------------

_AGENTS: Final[tuple[Action, ...]] = (
    Action("agents.use", "enter,space", "use", "make default", "Make this agent the one that proposes."),
    Action("agents.edit", "enter", "edit", "edit", "Change the condition, and try it on a run."),
    Action("agents.add", "a", "add", "add breakpoint", "Write a condition at which runs pause."),
    Action("agents.try", "t", "edit", "try", "Try the condition on the iterations of a run."),
    Action("agents.remove", "d,delete", "remove", "remove", "Remove this condition from the list."),
    Action("agents.check", "c", "check", "check", "See whether the model's server takes connections."),
    Action("agents.reload", "f5", "reload", "refresh", "Read settings, programs and keys again.", False),
    Action("agents.back", "escape", "back", "back", "Undo what is typed in the field; else go back."),
    # A condition
    Action("condition.save", "enter", "submit", "save", "Make it a breakpoint."),
    Action("condition.insert", "enter", "insert", "use it", "Put the name into the condition."),
    Action("condition.run", "f4", "other_run", "other run", "Choose the run to try the condition on."),
    Action("condition.back", "escape", "back", "back", "Go back; the list stays as it was."),
)

# A task file ---------------------------------------------------------------------------------------------------------

_TASKS: Final[tuple[Action, ...]] = (
    Action("tasks.run", "f9,ctrl+enter", "run", "save and run", "Save the file, and start its run."),
    Action("tasks.save", "f8,ctrl+s", "save", "save", "Save the file, if nothing in it is wrong."),
    Action("tasks.open", "f7,ctrl+o", "open", "open", "Open a task file that is there already."),
    Action("tasks.add", "f4,a", "add", "add task", "Add a task below the others."),
    Action("tasks.edit", "enter", "edit", "edit", "Go to the fields of the task under the cursor."),
    Action("tasks.remove", "d,delete", "remove", "remove", "Remove the task under the cursor."),
    Action("tasks.list", "f5", "list", "tasks", "Go to the list of the file's tasks.", False),
    Action("tasks.back", "escape", "back", "back", "Go back; what is not saved is asked about."),
)

# The Telegram bridge -------------------------------------------------------------------------------------------------

_BRIDGE: Final[tuple[Action, ...]] = (
    Action("bridge.start", "s", "start", "start", "Start the bridge; it keeps running when you leave tabsmith."),
    Action("bridge.stop", "x", "stop", "stop", "Stop the bridge, after a question."),
    Action("bridge.test", "m", "test", "test message", "Send a line to the person under the cursor."),
    Action("bridge.token", "t", "token", "token", "Type the bot's token in; it is not shown."),
    Action("bridge.users", "u", "users", "allowed users", "Say by number who gets an answer; nobody else does."),
    Action("bridge.reload", "f5", "reload", "refresh", "Read the state of the bridge again.", False),
    Action("bridge.back", "escape", "back", "back", "Go back; a running bridge keeps running."),
)

# Asking a table ------------------------------------------------------------------------------------------------------

_EXPLORE: Final[tuple[Action, ...]] = (
    Action("explore.ask", "slash,f5", "ask", "ask", "Go to the line to type a question in."),
    Action(
        "explore.pin", "p,f6", "pin", "pin", "Pin this answer, so that it is kept and exported; or take the pin off."
    ),
    Action("explore.name", "n,f7", "name", "name", "Give this answer a name."),
    Action("explore.copy", "c,f8", "copy", "copy", "Copy this answer as Markdown, with the Python that repeats it."),
    Action("explore.export", "e,f9", "export", "export", "Write the pinned answers, or all, as Markdown, CSV and PNG."),
    Action("explore.forget", "d,delete", "forget", "forget", "Drop this answer; its tests still count.", False),
    Action("explore.back", "escape", "back", "cancel/back", "Cancel what is computed; or go back."),
)

ALL_ACTIONS: Final[tuple[Action, ...]] = (*_SHELL, *_GUIDED, *_RUN, *_TRIALS, *_AGENTS, *_TASKS, *_BRIDGE, *_EXPLORE)
