"""`python -m tabsmith.modeling.confined MODULE ...`: the process of a stranger's model.

The modules register model families beside those of tabsmith, which must be known before anything else is imported.
"""

import sys
from importlib import import_module


def main() -> None:
    """Import the modules, then serve."""
    for module in sys.argv[1:]:
        import_module(module)
    from tabsmith.modeling.confined.server import serve

    serve()


if __name__ == "__main__":
    main()
