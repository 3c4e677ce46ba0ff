"""The keys of one try, and of runs side by side."""

from tabsmith_tui.keys.action import Action

ACTIONS = (
    # A try, page by page
    Action("try.next_page", "tab", "page(1)", "page", "The next page: overview, recipe, brief, reply ...", "try"),
    Action("try.last_page", "shift+tab", "page(-1)", "page before", "The page before.", "try", False),
    Action("try.before", "left,left_square_bracket", "iteration(-1)", "try before", "The iteration before.", "try"),
    Action("try.after", "right,right_square_bracket", "iteration(1)", "next try", "The iteration after.", "try"),
    Action("try.attempt", "a", "attempt", "attempt", "The next session of this iteration, round and round.", "try"),
    Action("try.unfold", "o", "unfold", "unfold", "Show long texts whole, or their beginnings.", "try"),
    Action("try.copy", "c,f8", "copy", "copy", "Copy this page, long texts whole.", "try"),
    Action("try.back", "escape", "back", "back", "Back to the run.", "try"),
    *(
        Action(
            f"try.page_{number}", str(number), f"to_page({number})", f"page {number}", f"Page {number}.", "try", False
        )
        for number in range(1, 7)
    ),
    # Runs side by side
    Action("beside.open", "enter", "open", "open", "Open the run of this column.", "beside"),
    Action("beside.left", "left,shift+tab", "move(-1)", "left", "To the column on the left.", "beside", False),
    Action("beside.right", "right,tab", "move(1)", "right", "To the column on the right.", "beside", False),
    Action("beside.remove", "delete", "remove", "take away", "Take this run out of the comparison.", "beside"),
    Action("beside.back", "escape", "back", "back", "Back to the runs.", "beside"),
)
