"""The keys of the guided steps. One screen shows them all; each step lets through those that mean something there."""

from tabsmith_tui.keys.action import Action

ACTIONS: tuple[Action, ...] = (
    Action("guided.next", "enter,f9,ctrl+enter", "next", "next", "Take what is shown and go on.", "guided"),
    Action("guided.accept", "enter,f9,ctrl+enter", "accept", "accept", "Take the schema as it is shown.", "guided"),
    Action("guided.start", "enter,f9,ctrl+enter", "start", "start training", "Start training now.", "guided"),
    Action("guided.result", "enter,f9,ctrl+enter", "result", "result", "Show the whole report of the model.", "guided"),
    Action("guided.watch", "enter,f9,ctrl+enter", "watch", "watch the run", "Open the run as it goes on.", "guided"),
    Action("guided.edit", "e", "edit", "edit column", "Change the column's kind and role.", "guided"),
    Action(
        "guided.toggle", "space", "use", "feature/ignore", "Use the column as a feature, or leave it out.", "guided"
    ),
    Action("guided.target", "t", "target", "target", "Choose another column to predict.", "guided"),
    Action("guided.split", "s", "split", "split", "Choose how rows are held out and folded.", "guided"),
    Action("guided.lines", "v", "lines", "bad lines", "Lines that could not be read, or were repaired.", "guided"),
    Action("guided.preview", "p", "preview", "first rows", "Show the first rows of the table.", "guided"),
    Action("guided.predict", "p", "predict", "predict", "Predict new rows with this model.", "guided"),
    Action("guided.filter", "slash", "filter", "filter", "Show only columns whose name has these letters.", "guided"),
    Action("guided.reject", "r", "reject", "other table", "This is the wrong table: choose another.", "guided", False),
    Action("guided.new", "n", "new", "new", "Begin again with another table.", "guided"),
    Action("guided.copy", "c,f8", "copy", "copy", "Copy the error's details, or the command line.", "guided"),
    Action("guided.back", "escape", "back", "back", "One step back; ends reading, erases nothing.", "guided"),
    Action("guided.agents", "f6", "app.open_agents", "agents", "Who proposes recipes, and how.", "guided", False),
    Action("guided.cancel", "f7", "cancel", "give up", "Give the whole session up, after a question.", "guided", False),
)
