"""Hostile model files: 26 families, each a table of (name, code, what makes the file).

Families 4 to 6 are about archives. A model file is no archive, so they speak of what takes the place of members: its
tensors and the entries of its metadata. Families that need an importer are met at its door: such a file is no model.
"""

from . import configurations, containers, contents, vocabularies

FAMILIES = {**containers.FAMILIES, **configurations.FAMILIES, **contents.FAMILIES, **vocabularies.FAMILIES}
CASES = [(family, name, *attack) for family in sorted(FAMILIES) for name, attack in FAMILIES[family].items()]
