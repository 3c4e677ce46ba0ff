"""The upkeep of tabsmith's folders: whether everything in them is whole, what takes room, and what may go."""
