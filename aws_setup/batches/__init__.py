"""Many at once: a table of environments, their plans approved together, each with a result of its own."""
