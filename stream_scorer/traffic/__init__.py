"""Writes events to a topic from its own thread, in shapes of load, despite outages."""
