"""Telling people and their systems that a finding was opened or closed."""
