"""Jobs that run by themselves: their tick, their watch, and the routes of operators."""
