"""The bridge to a phone: the same conversation over Telegram, rendered from the workflow's prompts."""
