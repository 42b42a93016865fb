"""A network as one C header: constants, and the functions that compute with them.

`header` puts a text together from `parameters` (arrays), `statements` (what predict and learn_one
do) and the functions that they call: `numbers` (exponentials and the like), `units` (activations
and losses), `layers` (products) and `whole_numbers` (layers in fixed point, of which `fixed_point`
is the same in Python). `functions` chooses those that are called, in their dtype.
"""

from .header import header, write

__all__ = ["header", "write"]
