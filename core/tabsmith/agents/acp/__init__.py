"""The agent `acp`: any program that speaks the Agent Client Protocol."""
