"""Scoring: a batch in, a scored batch out. The only room that knows both Avro and the model."""
