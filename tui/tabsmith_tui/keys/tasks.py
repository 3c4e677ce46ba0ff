"""The keys of a task file that is written in a form."""

from tabsmith_tui.keys.action import Action

ACTIONS = (
    Action("tasks.run", "f9,ctrl+enter", "run", "save and run", "Save the file, and start its run.", "tasks"),
    Action("tasks.save", "f8,ctrl+s", "save", "save", "Save the file, if nothing in it is wrong.", "tasks"),
    Action("tasks.open", "f7,ctrl+o", "open", "open", "Open a task file that is there already.", "tasks"),
    Action("tasks.add", "f4,a", "add", "add task", "Add a task below the others.", "tasks"),
    Action("tasks.edit", "enter", "edit", "edit", "Go to the fields of the task under the cursor.", "tasks"),
    Action("tasks.remove", "d,delete", "remove", "remove", "Take the task under the cursor out.", "tasks"),
    Action("tasks.list", "f5", "list", "tasks", "Go to the list of the file's tasks.", "tasks", False),
    Action("tasks.back", "escape", "back", "back", "Go back; what is not saved is asked about.", "tasks"),
)
