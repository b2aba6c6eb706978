"""Penguins of three species: numbers, categories and missing cells, as tables are. Embedded."""

from __future__ import annotations

import numpy as np

from ..data.tables import Table
from .catalog import CATALOG
from .embedded import Split, class_numbers, labelled_split, open_table

class_names = CATALOG["penguins"].class_names


def load_data(target: str = "species", test_size: float = 0.25, seed: int = 0) -> Split:
    """The columns of the table and the one to foretell.

    Args:
        target: the column to foretell: "species", "island" or "sex" (classes in alphabetical order), or a number such
            as "body_mass_g". Penguins without it are left out.
        test_size: fraction or number of the penguins to test with.
        seed: of the split, which holds classes in proportion.

    Returns:
        (x_train, y_train), (x_test, y_test): x maps the name of each other column to an array (n,): numbers as
        float64 or int64 (missing: NaN), categories as objects (missing: None). y has uint8 classes or float32 numbers.

    Reference: K. Gorman et al., PLoS ONE 9(3), 2014, https://doi.org/10.1371/journal.pone.0090081

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> sorted(x_train)[:3], len(y_train), len(y_test)
    (['bill_depth_mm', 'bill_length_mm', 'body_mass_g'], 258, 86)
    """
    table = load_raw()
    column = table[target]  # an unknown name is an error here
    categorical = table.kinds[target] == "category"
    known = np.array([cell is not None for cell in column]) if categorical else ~np.isnan(column.astype(float))
    table = table.take(known)
    if categorical:
        y = class_numbers(table[target], tuple(sorted(set(table[target]))))
    else:
        y = table[target].astype(np.float32)
    return labelled_split(table.drop(target).columns, y, test_size, seed, stratify=categorical)


def load_raw() -> Table:
    """All 344 penguins: a `Table` with 8 columns."""
    return open_table("penguins.csv.gz")
