"""The headless service: OpenAI-compatible chat and typed questions about regions, over HTTP, for scripts.

Loopback unless told otherwise, a token for every question, nothing fetched from anywhere.
"""

from engine.service.limits import ServiceLimits
from engine.service.server import Address, serve
from engine.service.token import require_token, token_from_file

__all__ = ["Address", "ServiceLimits", "require_token", "serve", "token_from_file"]
