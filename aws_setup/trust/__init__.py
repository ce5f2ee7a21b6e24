"""Trust policies: whom a statement lets in, whose it is, and where it lets in too much. Pure."""
