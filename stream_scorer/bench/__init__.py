"""The measurement: a scorer of one's own, alone and through a Kafka, and what limits it."""
