"""Drawing on axes, in one style: curves, bands, legends, texts; which analysis, callers know."""
