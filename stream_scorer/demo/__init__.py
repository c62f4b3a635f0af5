"""The demo: two stories, their events with the expected results, and the final count."""
