"""Hostile model files: 27 families, each a table of (name, code, what makes the file).

Families 4 to 6 are about archives. A model file is no archive, so they speak of what takes the place of members: its
tensors and the entries of its metadata. Families that need an importer are met at its door: such a file is no model.
"""

from . import configurations, containers, contents, descriptions, vocabularies

TABLES = (containers, configurations, contents, vocabularies, descriptions)
FAMILIES = {family: cases for table in TABLES for family, cases in table.FAMILIES.items()}
CASES = [(family, name, *attack) for family in sorted(FAMILIES) for name, attack in FAMILIES[family].items()]
NAMES = [f"{number:04}{'-task' * (case[0] in descriptions.FAMILIES)}" for number, case in enumerate(CASES)]
