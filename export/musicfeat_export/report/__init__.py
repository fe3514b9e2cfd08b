"""What a model file is, costs, and answers on every engine: one report."""
