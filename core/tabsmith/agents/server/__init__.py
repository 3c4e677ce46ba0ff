"""The process that agents live in, one for each run: its server, its client, and the messages between them."""
