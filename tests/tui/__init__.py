"""What the terminal shows and does."""
