"""Report on a model file: its contents, its cost, and its answers on every engine."""
