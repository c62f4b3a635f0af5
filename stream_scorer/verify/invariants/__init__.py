"""The invariants: one module each, or one for a pair that shares state. Nothing uses Kafka.

Each class records what happened and adds violations to a
:class:`~stream_scorer.verify.invariants.found.Found`. Memory: a byte an event, a word a settled
transaction.
"""
