"""The guided conversation, shared by the terminal and the bridge: its states, transitions and forms, and its sessions on disk."""
