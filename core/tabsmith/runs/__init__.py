"""Work in the background: spec, events, worker process, supervisor."""
