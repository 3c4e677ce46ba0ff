"""The agent `llm`: a chat model's server, asked through pydantic-ai."""
