"""Where a person has a say in a run: breakpoints, questions, permissions."""
