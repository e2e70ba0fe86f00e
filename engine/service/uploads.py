"""Pictures inside a request: ``data:`` URLs and plain base64. Nothing is ever fetched."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from engine.service.refusal import Refusal

_DATA_URL = re.compile(r"data:(?P<type>[^;,\s]*)(?:;[^;,\s]*)*?(?P<base64>;base64)?,", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_MOST_PREFIX = 256
_DICOM_MARK = slice(128, 132)


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture's file as it was sent. suffix : of the file name that its readers go by."""

    data: bytes = field(repr=False)
    suffix: str


def read_upload(text: str, param: str) -> Upload:
    """The bytes behind a ``data:`` URL or of base64 alone. param : the request's field, for the refusal.

    Raises `Refusal` for any other URL and for what is no base64.
    """
    begin = text[:_MOST_PREFIX]
    media_type, coded = "", text
    found = _DATA_URL.match(begin)
    if found:
        media_type, coded = found["type"].lower(), text[found.end() :]
        if not found["base64"]:
            raise Refusal(400, "the picture's data: URL must be base64", code="invalid_image", param=param)
    elif _SCHEME.match(begin):
        raise Refusal(
            400,
            "pictures are not fetched from URLs: send the file itself, as data:image/png;base64,... or "
            "data:application/dicom;base64,...",
            code="image_url_refused",
            param=param,
        )
    try:
        data = base64.b64decode("".join(coded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, "the picture is not base64", code="invalid_image", param=param) from None
    if not data:
        raise Refusal(400, "the picture is empty", code="invalid_image", param=param)
    return Upload(data, _suffix(media_type, data))


def _suffix(media_type: str, data: bytes) -> str:
    if "dicom" in media_type or data[_DICOM_MARK] == b"DICM":
        return ".dcm"
    # Which picture format it is, its reader sees by itself.
    return ".png"
