"""One attempt at a proof: the rungs, the exchange, the climb to the cause, what the role may do, who is kept out."""
