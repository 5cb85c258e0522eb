"""Jobs that run by themselves: their tick, their watch, the routes of operators, and the sweep over operations."""
