"""Statistics of a table: plans (what is asked), the operations that answer them, and findings in numbers and sentences."""
