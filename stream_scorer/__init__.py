"""Scores Avro events from Kafka with ONNX models, in micro-batches, exactly once."""

__version__ = "0.1.0"
