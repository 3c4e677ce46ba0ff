"""Talking to Telegram's server: Bot API requests, polling, sending, pacing, and the journals of both."""
