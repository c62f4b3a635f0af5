"""``python -m benchmarks``: decoding alone, then the throughput; options are the latter's."""

from __future__ import annotations

from benchmarks import decode, throughput

if __name__ == "__main__":
    decode.main()
    throughput.main()
