"""Who is asking: passwords, login sessions and HTTP Basic."""

from portcullis.identity.login import Login, LoginRefused, TooManyFailures
from portcullis.identity.secret import read_secret
from portcullis.identity.session import Sessions

__all__ = ["Login", "LoginRefused", "Sessions", "TooManyFailures", "read_secret"]
