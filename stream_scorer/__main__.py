"""``python -m stream_scorer`` and the console script ``stream-scorer``."""

from __future__ import annotations

from stream_scorer.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    raise SystemExit(main())
