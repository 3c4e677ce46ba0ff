"""The operations: each takes a plan and the selected rows, and gives findings."""
