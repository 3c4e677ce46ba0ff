"""What the run and result screens show, as values and lines of text: pure functions that know no terminal."""
