"""The other sides that tests talk to: servers of our own on loopback."""
