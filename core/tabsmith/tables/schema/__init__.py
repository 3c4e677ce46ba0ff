"""What the columns of a table are: kinds and roles, target, problem type, split, possible leakage, edits by hand."""
