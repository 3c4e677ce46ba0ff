"""The agent `claude-code`: the Claude Code program, which answers prompts and works in folders."""
