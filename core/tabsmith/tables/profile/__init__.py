"""A table in numbers: its profile, which screens and agents see, and a sample of rows for what needs rows."""
