"""The rows that a model is measured on: a table of a person's own, and the predictions that are kept of them."""
