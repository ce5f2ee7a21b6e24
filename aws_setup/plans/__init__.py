"""What is to be done: a plan as a value, made of actions, from what is desired and what is observed. Pure."""
