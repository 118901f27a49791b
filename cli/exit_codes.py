"""How a command ends."""

OK = 0
REFUSED = 1
BAD_INPUT = 2
INTERRUPTED = 130
UNHEARD = 141
