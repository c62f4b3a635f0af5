"""The application of the Quix Streams contender; it runs in a virtual environment of its own."""

from __future__ import annotations

from quixstreams import Application  # type: ignore[import-not-found]

from benchmarks.contenders.contender import Job, job_parser
from benchmarks.contenders.one_row import one_row_scorer

#: By default Quix looks at the clock only once a second while no events come.
_POLL_SECONDS = 0.01


def run(job: Job, features: list[str]) -> None:
    """Score until SIGTERM, which Quix Streams handles itself."""
    application = Application(
        broker_address=job.bootstrap_servers,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=job.commit_seconds,
        consumer_poll_timeout=_POLL_SECONDS,
        consumer_extra_config={"isolation.level": "read_committed"},
        producer_extra_config={"compression.type": "lz4"},
        auto_create_topics=False,
        use_changelog_topics=False,
        state_dir=job.folder / f"{job.group}.state",
        loglevel="WARNING",
    )
    events = application.topic(job.input_topic, value_deserializer="bytes")
    scored = application.topic(job.output_topic, value_serializer="bytes")
    application.dataframe(events).apply(one_row_scorer(job.folder, features)).to_topic(scored)
    application.run()


def main() -> None:
    """Read the job and do it."""
    parser = job_parser(__doc__)
    parser.add_argument("--features", required=True, help="names with commas between")
    options = parser.parse_args()
    run(Job.of(options), options.features.split(","))


if __name__ == "__main__":
    main()
