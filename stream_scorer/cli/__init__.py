"""The command line: one file a command, thin; :mod:`stream_scorer.cli.main` puts them together."""
