"""Events written to a topic by a thread of its own, in shapes of load, whatever dies."""
