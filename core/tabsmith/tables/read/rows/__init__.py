"""The rows of a text: where the table lies in them, what its columns look like, how a broken line is read, blocks of lines."""
