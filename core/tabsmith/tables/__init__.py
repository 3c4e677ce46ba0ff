"""Tables: a source is read into a snapshot on disk (`read`), described (`profile`), and understood (`schema`)."""
