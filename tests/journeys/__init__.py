"""What people do with the console, done in a real browser against the real thing."""
