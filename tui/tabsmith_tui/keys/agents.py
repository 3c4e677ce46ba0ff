"""The keys of the agents' screen, and of a condition that is written."""

from tabsmith_tui.keys.action import Action

ACTIONS = (
    Action("agents.use", "enter,space", "use", "make default", "Make this agent the one that proposes.", "agents"),
    Action("agents.edit", "enter", "edit", "edit", "Change the condition, and try it on a run.", "agents"),
    Action("agents.add", "a", "add", "add breakpoint", "Write a condition at which runs stop.", "agents"),
    Action("agents.try", "t", "edit", "try", "Try the condition on the iterations of a run.", "agents"),
    Action("agents.remove", "d,delete", "remove", "remove", "Take this condition out of the list.", "agents"),
    Action("agents.check", "c", "check", "check", "See whether the model's server takes connections.", "agents"),
    Action(
        "agents.reload", "f5", "reload", "look again", "Look again at settings, programs and keys.", "agents", False
    ),
    Action("agents.back", "escape", "back", "back", "Take back what is typed in the field; else go back.", "agents"),
    # A condition
    Action("condition.save", "enter", "submit", "save", "Make it a breakpoint.", "condition"),
    Action("condition.insert", "enter", "insert", "use it", "Put the name into the condition.", "condition"),
    Action("condition.run", "f4", "other_run", "other run", "Choose the run to try the condition on.", "condition"),
    Action("condition.back", "escape", "back", "back", "Go back; the list stays as it was.", "condition"),
)
