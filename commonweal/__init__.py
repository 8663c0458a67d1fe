"""Contracts that every other package may import.

``agents/``, ``worlds/``, ``networks/`` and ``analysis/`` are the subpackages
``commonweal.agents`` and so on.  An installed wheel holds them inside this folder;
a checkout holds them beside it, so the checkout joins this package's path.
"""

from pathlib import Path

__version__ = "0.1.0"

_here = Path(__file__).resolve().parent
if not (_here / "agents").is_dir():
    __path__.append(str(_here.parent))
