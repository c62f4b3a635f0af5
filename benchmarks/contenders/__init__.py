"""Scorers that run the same race, each as a process of its own."""
