"""``python -m cli``: the ``sluice`` command without having it installed."""

import sys

from cli.main import main

sys.exit(main())
