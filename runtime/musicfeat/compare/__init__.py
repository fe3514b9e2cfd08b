"""Comparison of two sounds."""
