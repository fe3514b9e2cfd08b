"""Samples and windows from sound files."""
