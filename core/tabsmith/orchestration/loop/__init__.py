"""One iteration after another: propose, validate, evaluate, grade, decide, record."""
