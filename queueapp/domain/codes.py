"""Codes as people type them."""

import re


def plain_code(typed: str) -> str:
    """The code that is meant: blanks, dashes and small letters do not matter."""
    return re.sub(r"[\s-]", "", typed).upper()
