"""The demo: two stories, their events with the traces they must leave, and the count."""
