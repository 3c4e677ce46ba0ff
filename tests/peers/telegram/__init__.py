"""The parts of the Bot API server of the tests."""
