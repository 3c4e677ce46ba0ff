"""The loop around an agent: its events and state, the loop itself, its one budget, and the person who has a say."""
