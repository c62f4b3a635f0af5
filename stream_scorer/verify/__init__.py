"""The proof: real workers on a real Kafka, injured while they score, and a checker that counts."""
