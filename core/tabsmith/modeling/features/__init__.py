"""The features of a recipe: which encoder a column gets, what it learns from a fold, and how rows become a matrix."""
