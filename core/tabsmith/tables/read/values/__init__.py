"""What the texts of a column are: forms of numbers and dates, the choice of a format, the conversion of whole columns."""
