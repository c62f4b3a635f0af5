"""Several workers over one Kafka in memory, and all that can befall them, one step at a time.

Nothing runs beside anything else: a step is one round of one worker's loop. What happens "at the
same time" happens inside a call of the worker into its Kafka: there others take their steps, time
passes, and the worker is frozen or dies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event

from stream_scorer.budget import Budget, BudgetLedger
from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.errors import StopsTheWorker, Unanswered
from stream_scorer.intake import Intake
from stream_scorer.output import DeadLetterOutput, TransactionalOutput
from stream_scorer.records import Batch, TopicPartition
from stream_scorer.worker import Worker
from tests.fakes import FakeConsumer, FakeKafka, FakeProducer, Killed
from tests.fakes.kafka import End
from tests.fakes.log import FakeTransaction
from tests.fakes.producer import TRANSACTION_SECONDS
from tests.worker.loop import DEAD, GROUP, INPUT, OUTPUT, PACE, Heard, Scoring, topics_written

#: So that a set stays open over some polls.
SMALL_BATCHES = replace(PACE, max_records=2)
#: What a fleet without faults may take, in the clock's seconds, to score what is left.
PATIENCE_SECONDS = 300.0

MakeIntake = Callable[[FakeConsumer, Callable[[], float]], Intake]
MakeWorker = Callable[..., Worker]
MakeConsumer = Callable[[FakeKafka, Sequence[str], str], FakeConsumer]
MakeProducer = Callable[[FakeKafka, str], FakeProducer]


@dataclass(frozen=True)
class Happening:
    """What befalls a worker at its next call of that name.

    Its connections break if it ``loses_connections``, and the brokers are away for ``away_seconds``
    from then on. ``seconds`` pass, in silence if the process is frozen and not only slow. Then
    ``others`` take their steps, and then it dies or goes on.
    ``leaves_request``: the request to commit that it was about to send is under way when it dies.
    """

    at: str
    seconds: float = 0.0
    frozen: bool = False
    others: str = ""
    dies: bool = False
    loses_connections: bool = False
    away_seconds: float = 0.0
    leaves_request: bool = False


@dataclass(eq=False)
class Process:
    """A worker and the clients that die with it."""

    name: str
    worker: Worker
    consumer: FakeConsumer
    producer: FakeProducer
    stop: Event
    has_joined: bool = False
    is_dead: bool = False
    is_frozen: bool = False
    is_busy: bool = False
    plan: dict[str, Happening] = field(default_factory=dict)


class Fleet:
    """The processes, the Kafka, and the events that it was given."""

    def __init__(
        self,
        worker: MakeWorker = Worker,
        consumer: MakeConsumer = FakeConsumer,
        producer: MakeProducer = FakeProducer,
        intake: MakeIntake = Intake,
    ) -> None:
        self._makers = (worker, consumer, producer)
        self._make_intake = intake
        self.kafka = FakeKafka()
        self.kafka.create_topic(INPUT, 2)
        # Either may grow first.
        self.kafka.create_topic(OUTPUT, 2)
        self.kafka.create_topic(DEAD, 4)
        self.kafka.refuses = lambda topic, value: (
            topic == OUTPUT and (value or b"").startswith(b"scored:refused")
        )
        self.kafka.on_call = self._called
        self.processes: list[Process] = []
        #: Why workers stopped that nobody had asked to.
        self.stopped: list[str] = []
        self.unfinished: list[FakeTransaction] = []
        #: How many times the registry does not answer for events of a kind.
        self.registry_is_away_for: Counter[str] = Counter()
        self._written = 0

    # ------------------------------------------------------------------ events

    def write(self, partition: int, kinds: Sequence[str], end: End) -> None:
        """Write events of these kinds: ``ok``, ``new``, ``bad`` or ``refused``."""
        values: list[bytes | None] = []
        for kind in kinds:
            values.append(f"{kind}-{self._written}".encode())
            self._written += 1
        source = TopicPartition(INPUT, partition % self.kafka.partitions[INPUT])
        transaction = self.kafka.write(source, values, end=end)
        if transaction is not None and end == "open":
            self.unfinished.append(transaction)

    def grow(self, topic: str, most: int) -> None:
        """Add the partitions that a topic lacks to have so many."""
        if self.kafka.partitions[topic] < most:
            self.kafka.add_partitions(topic, most)

    # ------------------------------------------------------------------ processes

    @property
    def ready(self) -> list[Process]:
        """Those that can take a step now."""
        return [each for each in self.alive if not (each.is_busy or each.is_frozen)]

    @property
    def alive(self) -> list[Process]:
        """Those that are not dead."""
        return [each for each in self.processes if not each.is_dead]

    def add(self, name: str | None = None) -> Process:
        """Start a process; one with the name of a dead one takes its transactional id over."""
        make_worker, make_consumer, make_producer = self._makers
        name = name or f"worker-{len(self.processes)}"
        consumer = make_consumer(self.kafka, [INPUT], GROUP)
        producer = make_producer(self.kafka, name)
        topics = topics_written(self.kafka, producer)
        scoring = Scoring(
            self.kafka,
            0.001,
            before=partial(self._scoring, consumer),
            ask=self._ask,
            lacking=topics.lacking,
        )
        dead = DeadLetterOutput(
            DEAD, DeadLetterFormat(GROUP, "0", "model", 2), BudgetLedger(Budget(1.0, 60.0, 0))
        )
        stop = Event()
        worker = make_worker(
            consumer,
            scoring,
            TransactionalOutput(
                producer,
                OUTPUT,
                dead,
                self.kafka.clock,
                look_again=topics.read_again,
            ),
            SMALL_BATCHES,
            Heard(),
            stopping=stop.is_set,
            clock=self.kafka.clock,
        )
        worker._intake = self._make_intake(consumer, self.kafka.clock)
        made = Process(name, worker, consumer, producer, stop)
        self.processes.append(made)
        return made

    def step(self, process: Process) -> None:
        """Let a process start, or go one round."""
        with self._running(process):
            if process.has_joined:
                process.worker._go_round()
            else:
                process.worker._start()
                process.has_joined = True

    def take_turns(self, order: str) -> None:
        """Let those that are ready take steps, each digit one of them."""
        for digit in order:
            if ready := self.ready:
                self.step(ready[int(digit) % len(ready)])

    def stop(self, process: Process) -> None:
        """Let a process end as it does after SIGTERM."""
        with self._running(process):
            process.stop.set()
            process.worker.run()
            process.is_dead = True

    def kill(self, process: Process) -> None:
        """End a process at once; the brokers notice by its silence."""
        process.is_dead = True
        process.consumer.fall_silent()

    def freeze(self, process: Process) -> None:
        """Let a process stand still."""
        process.is_frozen = True
        process.consumer.fall_silent()

    def thaw(self, process: Process) -> None:
        """Let it go on, as if no time had passed."""
        process.is_frozen = False
        process.consumer.speak_again()

    def expel(self, process: Process) -> None:
        """Let the brokers take a process for dead that is not."""
        process.consumer.expel()

    # ------------------------------------------------------------------ the end

    def heal(self) -> bool:
        """Let nothing go wrong any more; tell whether the fleet gets to the end in time."""
        self.kafka.faults.clear()
        self.kafka.away_until = float("-inf")
        self.registry_is_away_for.clear()
        self.grow(OUTPUT, most=self.kafka.partitions[INPUT])
        while self.kafka.under_way:
            self.kafka.deliver()
        for transaction in self.unfinished:
            self.kafka.finish(transaction, "committed")
        for process in self.alive:
            self.thaw(process)
            process.plan.clear()
        ends_at = self.kafka.clock() + PATIENCE_SECONDS
        while self.kafka.lag(GROUP, INPUT) > 0 and self.kafka.clock() < ends_at:
            if not self.alive:
                self.add()
            for process in self.alive:
                self.step(process)
        is_done = self.kafka.lag(GROUP, INPUT) == 0
        for process in self.alive:
            self.stop(process)
        # What the dead have left open holds readers back until the brokers abort it.
        self.kafka.clock.advance(TRANSACTION_SECONDS)
        return is_done

    # ------------------------------------------------------------------ inside of a step

    @contextmanager
    def _running(self, process: Process) -> Iterator[None]:
        process.is_busy = True
        try:
            yield
        except Killed:
            assert process.is_dead
        except StopsTheWorker as error:
            self.stopped.append(f"{process.name} stopped: {error}")
            self.kill(process)
        finally:
            process.is_busy = False

    def _called(self, client: object, call: str) -> None:
        """Let happen what is planned for this call; the dead call nothing."""
        process = next(p for p in self.processes if client in (p.consumer, p.producer))
        if process.is_dead:
            raise Killed
        if call in ("send_offsets", "commit"):
            # The worst moment for a delayed request: amid the next transaction of its producer.
            self.kafka.deliver_amid_next(process.name)
        if happening := process.plan.pop(call, None):
            self._let(process, happening)

    def _let(self, process: Process, happening: Happening) -> None:
        if happening.loses_connections:
            self.kafka.breaks[process.name] += 1
        if happening.away_seconds > 0:
            self.kafka.go_away(happening.away_seconds)
        if happening.frozen:
            self.freeze(process)
        self.kafka.clock.advance(happening.seconds)
        self.take_turns(happening.others)
        if happening.frozen:
            self.thaw(process)
        if not happening.dies:
            return
        self.kill(process)
        is_open = process.name in self.kafka.open
        if happening.leaves_request and happening.at == "commit" and is_open:
            self.kafka.under_way.append(process.producer.request)
        raise Killed

    def _scoring(self, consumer: FakeConsumer, _: Batch) -> None:
        self._called(consumer, "score")

    def _ask(self, value: bytes | None) -> None:
        kind = (value or b"").split(b"-")[0].decode()
        if self.registry_is_away_for[kind] > 0:
            self.registry_is_away_for[kind] -= 1
            raise Unanswered("the registry is away")
