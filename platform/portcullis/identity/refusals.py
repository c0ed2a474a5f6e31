"""Why somebody is not let in."""

from __future__ import annotations


class LoginRefused(Exception):
    """Name or password is wrong (which of the two is not said), or whoever it is may not enter."""


class AccountDisabled(LoginRefused):
    """The right password or key of an account that was disabled."""

    def __init__(self) -> None:
        super().__init__("this account is disabled")


class KeyRefused(LoginRefused):
    """An API key that is none, or no longer."""


class TooManyFailures(LoginRefused):
    """An account or an address waits after wrong passwords."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"try again in {seconds} seconds")
        self.seconds = seconds


class TooManyRequests(Exception):
    """An account asks more often than it may."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"try again in {seconds} seconds")
        self.seconds = seconds
