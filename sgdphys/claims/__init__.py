"""Claims, their statistics and verdicts, and relations between analyses."""
