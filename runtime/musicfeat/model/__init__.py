"""A model file on the engine that runs it."""
