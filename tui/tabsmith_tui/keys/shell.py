"""The keys that work everywhere, and those of home, runs, models, predict and the dialogs."""

from tabsmith_tui.keys.action import Action

ACTIONS = (
    Action("app.help", "f1", "app.help_panel", "help", "Explain what has the focus, and list the keys.", "app"),
    Action(
        "app.palette",
        "f2,colon,ctrl+p",
        "app.command_palette",
        "commands",
        "Find any action by its name.",
        "app",
    ),
    Action(
        "app.quit",
        "q,ctrl+q",
        "app.leave",
        "quit",
        "Leave tabsmith. A run goes on in the background unless you stop it.",
        "app",
    ),
    Action("app.interrupt", "ctrl+c", "app.interrupt", "copy or quit", "Copy the selection, or quit.", "app", False),
    Action("app.theme", "f3", "app.next_theme", "theme", "Go to the next theme: dark, light, terminal.", "app", False),
    # Home
    Action("home.open", "enter", "open", "open", "Open what the cursor is on.", "home"),
    Action("home.new", "n", "new", "new", "Train a new model: choose a table, then confirm each step.", "home"),
    Action("home.sample", "s", "sample", "sample", "Start with a small table that comes with tabsmith.", "home"),
    Action("home.runs", "r", "app.open_runs", "runs", "All runs: open, resume, stop, delete.", "home"),
    Action("home.models", "m", "app.open_models", "models", "All models: report, predict, export, delete.", "home"),
    Action("home.predict", "p", "app.open_predict", "predict", "Predict the rows of a file with a model.", "home"),
    Action("home.agents", "a", "app.open_agents", "agents", "Who proposes recipes, and when runs stop.", "home"),
    Action("home.tasks", "k", "app.open_tasks", "tasks", "Write tasks for agents with hands, and run them.", "home"),
    Action("home.bridge", "b", "app.open_bridge", "bridge", "The same conversation from a phone: on or off.", "home"),
    Action("home.reload", "f5", "reload", "look again", "Look again for runs and models.", "home", False),
    # Runs
    Action("runs.open", "enter", "open", "open", "Open the run: live when it works, replayed when it ended.", "runs"),
    Action("runs.filter", "slash", "filter", "filter", "Show only the runs whose line holds these words.", "runs"),
    Action("runs.resume", "r", "resume", "resume", "Go on with an interrupted run at its next step.", "runs"),
    Action("runs.stop", "x", "stop", "stop", "Stop the run now and keep its best model so far.", "runs"),
    Action("runs.delete", "d,delete", "delete", "delete", "Delete the run's records, after a question.", "runs"),
    Action("runs.mark", "space", "mark", "mark", "Mark the run, to look at several side by side.", "runs"),
    Action("runs.beside", "v", "beside", "side by side", "Open the marked runs side by side.", "runs"),
    Action("runs.reload", "f5", "reload", "look again", "Look again for runs.", "runs", False),
    Action("runs.back", "escape", "back", "back", "Back to where you came from.", "runs"),
    # Models
    Action("models.open", "enter", "open", "report", "Show the whole report of the model.", "models"),
    Action("models.filter", "slash", "filter", "filter", "Show only models whose line holds these words.", "models"),
    Action("models.predict", "p", "predict", "predict", "Predict the rows of a file with this model.", "models"),
    Action("models.export", "e", "export", "export", "Write the model into one file, to take it elsewhere.", "models"),
    Action("models.delete", "d,delete", "delete", "delete", "Delete the model, after a question.", "models"),
    Action("models.reload", "f5", "reload", "look again", "Look again for models.", "models", False),
    Action("models.back", "escape", "back", "back", "Back to where you came from.", "models"),
    # Predict
    Action("predict.go", "f9,ctrl+enter", "go", "predict", "Predict the rows of the file.", "predict"),
    Action("predict.copy", "f8", "copy", "copy path", "Copy where the predictions were written.", "predict"),
    Action("predict.back", "escape", "back", "cancel/back", "Cancel what is running; or go back.", "predict"),
    # Dialogs
    Action("question.take", "enter", "select", "choose", "Take the line under the cursor.", "question"),
    Action("question.back", "escape", "back", "back", "Change nothing and go back.", "question"),
    Action("error.copy", "c", "copy", "copy details", "Copy the error with all its details.", "error"),
    Action("error.details", "d", "details", "details", "Show or hide the technical details.", "error"),
    Action("error.close", "escape,enter", "close", "close", "Go back to where it happened.", "error"),
)
