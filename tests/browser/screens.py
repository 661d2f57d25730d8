"""The screens people have, at their real sizes; and one whose clock is wrong."""

from typing import Any

SCREENS: dict[str, dict[str, Any]] = {
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "kiosk": {"viewport": {"width": 1080, "height": 1920}, "has_touch": True},
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "room": {"viewport": {"width": 1024, "height": 768}},
    "lobby": {"viewport": {"width": 1920, "height": 1080}},
}

# A device whose clock is seven minutes fast.
FAST = """
const Right = Date, fast = 7 * 60000;
Date = class extends Right {
  constructor(...of) { if (of.length) super(...of); else super(Right.now() + fast); }
  static now() { return Right.now() + fast; }
};
"""
