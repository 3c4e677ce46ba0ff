"""Agents propose recipes for a table, or work on a task in a folder. `backend.py` says what each provides; `protocol.py` and
`agent_jobs.py` say what every agent is; `prompts/` writes what they are sent; `server/` is the process they live in."""
