"""How soon networks learn, and how well."""
