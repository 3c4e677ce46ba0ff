"""Agents propose recipes for a table, or work on a task in a folder. `registry.py` lists them; `protocol.py` and
`agent_jobs.py` say what every agent is; `prompts/` writes what they are sent; `server/` is the process they live in."""
