"""What an operator sees: logs, metrics, health. The core is handed these and imports none."""
