"""What an import did."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Report:
    """Rows of a file by what became of them. `read` counts the file's own, where one may hold several."""

    added: int
    updated: int = 0
    unchanged: int = 0
    bad: int = 0
    repeated: int = 0
    ignored_columns: tuple[str, ...] = ()
    read: int = 0

    def __str__(self) -> str:
        parts = [f"{self.added:,} added"]
        parts += [f"{self.updated:,} updated"] if self.updated else []
        parts += [f"{self.unchanged:,} already there"] if self.unchanged else []
        parts += [f"{self.repeated:,} replaced by a later row of the file"] if self.repeated else []
        parts += [f"{self.bad:,} bad"] if self.bad else []
        return ", ".join(parts)
