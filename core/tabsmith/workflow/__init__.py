"""The guided conversation: steps, transitions, sessions."""
