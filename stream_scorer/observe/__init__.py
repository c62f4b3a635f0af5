"""Observability: logs, metrics, health. The core receives these and imports none of them."""
