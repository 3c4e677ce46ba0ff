"""Who proposes recipes, always through one protocol."""
