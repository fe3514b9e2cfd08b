"""Recorded music from Debian's packages, with the licence of every work."""
