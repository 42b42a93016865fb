"""All that is wrong with a file, told at once."""

from ..errors import DeltaloopError, FileFormatError

MOST = 8  # problems that are spelled out


class Problems:
    """Sentences about a file, each with what settles it."""

    def __init__(self, source: str, error: type[DeltaloopError] = FileFormatError):
        self.source = source
        self.error = error
        self.found: list[str] = []

    def add(self, text: str) -> None:
        """Note a problem; {source} in its text is where the file is named."""
        self.found.append(text)

    def raise_any(self) -> None:
        """Raise one error with all problems, if there are any."""
        if not self.found:
            return
        name = repr(self.source)
        if len(self.found) == 1:
            raise self.error(self.found[0].replace("{source}", name))
        listed = [
            f"({number}) {text.replace(' of {source}', '').replace('{source}', 'the file')}"
            for number, text in enumerate(self.found[:MOST], 1)
        ]
        if len(self.found) > MOST:
            listed.append(f"and {len(self.found) - MOST} more")
        raise self.error(f"{name} has {len(self.found)} problems: " + "; ".join(listed))
