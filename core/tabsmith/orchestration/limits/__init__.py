"""What a run may use: amounts, one budget, what is used of it."""
