"""Rooms: modeling."""
