"""One invariant, or a pair that needs the same memory, a module. Nothing here talks to Kafka.

Each is told what happened and adds to a :class:`~stream_scorer.verify.invariants.found.Found` what
must not have. Memory: a byte an event, a word a settled transaction.
"""
