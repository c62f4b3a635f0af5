"""Kafka at the edge: the only room that talks to a broker."""
