"""Which key does what: one module of actions for each part of the app; `actions.py` puts them together."""
