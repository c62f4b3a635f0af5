"""A model with its contract, ready to score: what every command and every notebook builds."""
