"""The bearer token: who does not have it gets no answer (RFC 6750)."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import stat
from pathlib import Path

from engine.errors import MedRegAError

logger = logging.getLogger(__name__)

_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_SHORT = 16
_MOST_BYTES = 4096


class TokenError(MedRegAError):
    """A token that cannot be one, or a file that holds none."""


def require_token(token: str, where: str) -> str:
    """The token, if it can stand in a header (RFC 6750, section 2.1). where : said in errors. Raises `TokenError`."""
    if not _B64TOKEN.fullmatch(token):
        raise TokenError(f"the token in {where} must be letters, digits and -._~+/ alone: write another one")
    if len(token) < _SHORT:
        logger.warning("the token in %s is short: one of %d characters or more cannot be guessed", where, _SHORT)
    return token


def token_from_file(path: Path) -> str:
    """The first line of a file. Raises `TokenError` naming the file."""
    try:
        with path.open(encoding="utf-8") as stream:
            readable = stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077
            lines = stream.read(_MOST_BYTES).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TokenError(f"cannot read the token file {path}: {error}") from error
    if os.name == "posix" and readable:
        logger.warning("other users of this machine can read the token file %s: chmod 600 it", path)
    return require_token(lines[0].strip() if lines else "", str(path))


class TokenCheck:
    """Compares in a time that tells nothing about the token."""

    def __init__(self, token: str) -> None:
        self._digest = _digest(token.encode())

    def passes(self, authorization: bytes) -> bool:
        """Whether an Authorization header, b"" for none, holds the token."""
        scheme, _, given = authorization.partition(b" ")
        # Digests are of one length: not even that of the token can be measured.
        same = hmac.compare_digest(_digest(given.strip()), self._digest)
        return same and scheme.lower() == b"bearer"


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
