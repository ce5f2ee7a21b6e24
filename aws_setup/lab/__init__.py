"""The sandbox told to break or to fail on purpose. Nothing here exists where AWS is real."""
