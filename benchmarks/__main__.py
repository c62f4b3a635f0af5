"""``python -m benchmarks``: all of them, one after the other; options are those of the race."""

from __future__ import annotations

from benchmarks import decode, end_to_end

if __name__ == "__main__":
    decode.main()
    end_to_end.main()
