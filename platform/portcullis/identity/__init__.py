"""Who is asking, and what they may do: passwords, logins, API keys, a provider, and limits on trying."""

from portcullis.identity.login import Login
from portcullis.identity.refusals import (
    AccountDisabled,
    KeyRefused,
    LoginRefused,
    TooManyFailures,
    TooManyRequests,
)
from portcullis.identity.registry import Registry
from portcullis.identity.secret import read_secret
from portcullis.identity.session import Sessions

__all__ = [
    "AccountDisabled",
    "KeyRefused",
    "Login",
    "LoginRefused",
    "Registry",
    "Sessions",
    "TooManyFailures",
    "TooManyRequests",
    "read_secret",
]
