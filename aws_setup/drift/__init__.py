"""What AWS holds otherwise than agreed, and the two answers to it: put it back, or agree to it."""
