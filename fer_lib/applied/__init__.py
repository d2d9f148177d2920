"""Trained networks put to use."""
