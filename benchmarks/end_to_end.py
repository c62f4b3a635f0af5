"""Events a second through a real Kafka, exactly once: ``stream-scorer`` beside the reference.

    python -m benchmarks.end_to_end [--events 500000] [--runs 3] [--model mlp]

Both score the same backlog, one after the other, as one process on this machine, with the same
model and the broker beside them. Each run's output is counted by a ``read_committed`` reader. Read
the ratio: the absolute numbers are those of the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import onnx
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks import events, models
from benchmarks.race import Contender, Result, race
from stream_scorer.local.kafka import EmbeddedKafka

TOPIC = "events"
PARTITIONS = 4
MODELS: dict[str, Callable[[], onnx.ModelProto]] = {"mlp": models.small_mlp, "trees": models.trees}

CONFIG = """\
kafka:
  bootstrap_servers: {bootstrap_servers}
  group_id: {group}
  input_topics: [events]
  output_topic: {group}.scored
  dead_letter_topic: {group}.dead-letters
schemas:
  directory: {folder}/schemas
  reader: {folder}/schemas/event.avsc
model:
  path: {folder}/model.onnx
  name: benchmark
  version: "1"
  inputs: {{features: [{features}]}}
  missing: {{default: 0}}
  intra_op_threads: 1
output: {{pass_through: [event_id, occurred_at]}}
server: {{port: 0}}
"""


def reference(bootstrap_servers: str, folder: Path, run: int) -> Contender:
    """Return the batched loop."""
    group = f"reference-{run}"
    arguments = {
        "bootstrap-servers": bootstrap_servers,
        "group": group,
        "input-topic": TOPIC,
        "output-topic": f"{group}.scored",
        "model": str(folder / "model.onnx"),
    }
    options = [word for name, value in arguments.items() for word in (f"--{name}", value)]
    command = (sys.executable, "-m", "benchmarks.batched_loop", *options)
    return Contender("batched loop", command, folder, group)


def ours(bootstrap_servers: str, folder: Path, run: int) -> Contender:
    """Return a worker with a config of its own; the scored schema gets its id first."""
    group = f"stream-scorer-{run}"
    config = folder / f"{group}.yaml"
    config.write_text(
        CONFIG.format(
            bootstrap_servers=bootstrap_servers,
            group=group,
            folder=folder,
            features=", ".join(events.FEATURES),
        )
    )
    scorer = (sys.executable, "-m", "stream_scorer")
    schema = subprocess.run(  # noqa: S603 - the command is ours
        [*scorer, "schema", "output", "-c", str(config)], check=True, capture_output=True
    )
    (folder / "schemas" / "scored.avsc").write_bytes(schema.stdout)
    return Contender("stream-scorer", (*scorer, "run", "-c", str(config)), folder, group)


def prepare(folder: Path, model: onnx.ModelProto) -> None:
    """Write the model and the schemas; id 2 is the scored event's."""
    onnx.save(model, folder / "model.onnx")
    schemas = folder / "schemas"
    schemas.mkdir()
    (schemas / "event.avsc").write_text(json.dumps(events.SCHEMA))
    (schemas / "ids.yaml").write_text(f"{events.SCHEMA_ID}: event.avsc\n2: scored.avsc\n")


def fill(bootstrap_servers: str, count: int) -> float:
    """Produce the backlog, spread evenly; return the mean size of an event in bytes."""
    producer = Producer(
        {"bootstrap.servers": bootstrap_servers, "linger.ms": 20, "compression.type": "lz4"}
    )
    size_bytes = 0
    for number, value in enumerate(events.values(count)):
        size_bytes += len(value)
        producer.produce(TOPIC, value, f"c-{number}", number % PARTITIONS)
        if number % 10_000 == 0:
            while len(producer) > 50_000:
                producer.poll(0.01)
    if producer.flush(60):
        raise SystemExit("The broker did not take the backlog within 60 s.")
    return size_bytes / count


def visible(bootstrap_servers: str, topic: str) -> int:
    """Return how many records a ``read_committed`` reader finds in a topic."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": f"count-{topic}",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(PARTITIONS)])
    found = ends = 0
    while ends < PARTITIONS:
        messages = consumer.consume(10_000, timeout=1)
        ends += sum(message.error() is not None for message in messages)
        found += sum(message.error() is None for message in messages)
    consumer.close()
    return found


def measure(kafka: EmbeddedKafka, contender: Contender, count: int) -> Result:
    """Run one contender on topics of its own, and count what it wrote."""
    for kind in ("scored", "dead-letters"):
        kafka.create_topic(f"{contender.group}.{kind}", PARTITIONS)
    backlog = [TopicPartition(TOPIC, partition) for partition in range(PARTITIONS)]
    result = race(contender, kafka.bootstrap_servers, backlog, count)
    found = visible(kafka.bootstrap_servers, f"{contender.group}.scored")
    if found != count:
        raise SystemExit(f"{contender.name}: {found:,} scored events for {count:,} events.")
    return result


def table_of(results: list[Result]) -> Table:
    """Return the medians, a line a contender, the first being the measure of all."""
    table = Table("", "events/s", "µs/event", "times", "CPU s", "peak RSS MiB")
    by_name: dict[str, list[Result]] = {}
    for result in results:
        by_name.setdefault(result.name, []).append(result)
    rates = {n: statistics.median(r.events_per_second for r in rs) for n, rs in by_name.items()}
    first = next(iter(rates.values()))
    for name, runs in by_name.items():
        table.add_row(
            name,
            f"{rates[name]:,.0f}",
            f"{1e6 / rates[name]:.2f}",
            f"{rates[name] / first:.1f}",
            f"{statistics.median(run.cpu_seconds for run in runs):.1f}",
            f"{max(run.peak_rss_mib for run in runs):,.0f}",
        )
    return table


def main() -> None:
    """Start Kafka, fill it, run the contenders in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", choices=MODELS, default="mlp")
    arguments = parser.parse_args()
    console = Console()
    results = []
    with tempfile.TemporaryDirectory() as name, EmbeddedKafka() as kafka:
        folder = Path(name)
        prepare(folder, MODELS[arguments.model]())
        kafka.create_topic(TOPIC, PARTITIONS)
        with console.status(f"Producing {arguments.events:,} events"):
            mean_bytes = fill(kafka.bootstrap_servers, arguments.events)
        for run in range(arguments.runs):
            for contender in (
                reference(kafka.bootstrap_servers, folder, run),
                ours(kafka.bootstrap_servers, folder, run),
            ):
                with console.status(f"{contender.name}, run {run + 1} of {arguments.runs}"):
                    results.append(measure(kafka, contender, arguments.events))
    console.print(f"{arguments.events:,} events of {mean_bytes:.0f} bytes, {arguments.runs} runs")
    console.print(table_of(results))


if __name__ == "__main__":
    main()
