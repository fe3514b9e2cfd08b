"""Versions of one recording: whether two sounds are one, and which edits lead from one to the other."""
