"""A recipe becomes a model: features, folds, ensemble, model store, prediction, explanation."""
