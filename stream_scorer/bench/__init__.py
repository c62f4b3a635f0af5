"""The benchmark: a user's own scorer, alone and through Kafka, and what limits it."""
