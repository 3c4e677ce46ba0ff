"""Pictures of runs and models as PNG: score over time, importance, confusion, residuals."""
