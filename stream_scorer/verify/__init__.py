"""Exactly-once verification: real workers on a real Kafka, injected faults, and a checker."""
