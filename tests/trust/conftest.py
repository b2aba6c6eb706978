"""Lets the tests of trust import `attacks`, `bad_inputs` and their like, whatever pytest's import mode."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
