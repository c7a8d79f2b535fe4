"""Studies: an experiment as a TOML file, and the stages that carry it out."""
