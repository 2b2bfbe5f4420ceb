"""What is wrong with a condition, and where."""


class ConditionError(ValueError):
    """A text that is no condition, or not one on these fields. The message repeats no literal."""

    def __init__(self, position: int, problem: str) -> None:
        """At that place of the text, from 0."""
        super().__init__(problem)
        self.position = position

    def told(self, text: str) -> str:
        """The problem behind its place in the text, by column, and by line if there are several."""
        before = text[: self.position]
        column = f"column {self.position - before.rfind(chr(10))}"
        line = f"line {before.count(chr(10)) + 1}, " if "\n" in text.rstrip() else ""
        return f"{line}{column}: {self}"
