"""Avro bytes to columns and back: framing, schemas, decode plans, the encoder, files."""
