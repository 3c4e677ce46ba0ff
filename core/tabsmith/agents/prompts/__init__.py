"""The prompts that tabsmith sends to language models, and the quoting of foreign text in them."""
