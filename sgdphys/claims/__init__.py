"""What one analysis says about another, and what both say about a claim."""
