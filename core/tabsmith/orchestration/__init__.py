"""The loop around an agent: validate, evaluate, decide, champion, budget."""
