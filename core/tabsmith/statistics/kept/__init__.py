"""Findings that were kept of a table, and what they are called and corrected by."""
