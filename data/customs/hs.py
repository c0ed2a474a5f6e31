"""Harmonised System codes: two to ten digits, never padded, never invented."""

from __future__ import annotations

from dataclasses import dataclass

from customs.errors import InvalidValue

LENGTHS = (2, 4, 6, 8, 10)
SEPARATORS = str.maketrans("", "", ". -\t")


@dataclass(frozen=True, slots=True, order=True)
class HsCode:
    """A Harmonised System code of 2, 4, 6, 8 or 10 digits (ten: the Korean HSK).

    >>> code = HsCode.parse("0303.67-0000")
    >>> code.chapter.digits, code.heading.digits, code.subheading.digits
    ('03', '0303', '030367')
    >>> str(code)
    '0303.67-0000'
    >>> [str(parent) for parent in code.parents]
    ['0303.67', '0303', '03']
    """

    digits: str

    def __post_init__(self) -> None:
        if not isinstance(self.digits, str) or not (self.digits.isascii() and self.digits.isdigit()):
            raise InvalidValue(
                f"{self.digits!r} is not an HS code",
                field="hs",
                remedy="give 2, 4, 6, 8 or 10 digits, such as 0303670000",
            )
        if len(self.digits) not in LENGTHS:
            raise InvalidValue(
                f"{self.digits!r} has {len(self.digits)} digits",
                field="hs",
                remedy="give 2, 4, 6, 8 or 10 digits; keep leading zeros",
            )
        if self.digits[:2] in ("00", "77"):
            raise InvalidValue(
                f"{self.digits!r} lies in chapter {self.digits[:2]}, which does not exist",
                field="hs",
                remedy="chapters run from 01 to 99 without 77",
            )

    @classmethod
    def parse(cls, text: str) -> HsCode:
        """Read a code as people write it: dots, dashes and spaces may separate the digits."""
        return cls(str(text).strip().translate(SEPARATORS))

    @classmethod
    def from_statistics(cls, text: str) -> HsCode:
        """Read a ten-digit code of a statistical file, restoring a leading zero that a spreadsheet lost.

        Nine digits become ten. Nothing else is ever padded.

        >>> HsCode.from_statistics("303670000").digits
        '0303670000'
        """
        digits = str(text).strip().translate(SEPARATORS)
        return cls("0" + digits if len(digits) == 9 and digits.isdigit() else digits)

    @property
    def level(self) -> int:
        """Number of digits."""
        return len(self.digits)

    @property
    def chapter(self) -> HsCode:
        """The first two digits."""
        return self.at(2)

    @property
    def heading(self) -> HsCode:
        """The first four digits."""
        return self.at(4)

    @property
    def subheading(self) -> HsCode:
        """The first six digits, the deepest level that all countries share."""
        return self.at(6)

    def at(self, level: int) -> HsCode:
        """This code cut to `level` digits; an error if it has fewer."""
        if level > len(self.digits):
            raise InvalidValue(
                f"{self} has no {level}-digit level", field="hs", remedy=f"give at least {level} digits"
            )
        return self if level == len(self.digits) else HsCode(self.digits[:level])

    @property
    def parents(self) -> tuple[HsCode, ...]:
        """HS6, HS4 and HS2 above this code, nearest first."""
        return tuple(self.at(level) for level in (6, 4, 2) if level < len(self.digits))

    def backoff(self) -> tuple[str, ...]:
        """Group names for statistics, from this code to `all`, most specific first.

        >>> HsCode("030367").backoff()
        ('030367', '0303', '03', 'all')
        """
        return (self.digits, *(parent.digits for parent in self.parents), "all")

    def covers(self, other: HsCode) -> bool:
        """True if `other` is this code or lies below it."""
        return other.digits.startswith(self.digits)

    def __str__(self) -> str:
        d = self.digits
        if len(d) <= 4:
            return d
        if len(d) <= 8:
            return ".".join([d[:4], *(d[i : i + 2] for i in range(4, len(d), 2))])
        return f"{d[:4]}.{d[4:6]}-{d[6:]}"
