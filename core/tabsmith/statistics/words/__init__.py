"""Questions in people's words become plans by a grammar: no language model, and a question back where it is unsure."""
