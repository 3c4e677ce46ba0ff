"""Answering people: who may talk to the bot, what their messages mean, what they are shown and told."""
