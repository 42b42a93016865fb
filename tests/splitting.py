"""Tables as inputs and targets, by an encoding of their own."""

from deltaloop.tables import FeatureEncoding


def split(table, target=None):
    """X, the names of its columns, y and its name; the last column is y, or the one given."""
    name = table.column_name(target)
    encoding = FeatureEncoding.fit(table, exclude=name)
    return encoding.transform(table), encoding.feature_names, table.column(name), name
