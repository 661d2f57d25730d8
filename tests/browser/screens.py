"""The screens people have, at their real sizes."""

from typing import Any

SCREENS: dict[str, dict[str, Any]] = {
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "kiosk": {"viewport": {"width": 1080, "height": 1920}, "has_touch": True},
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "room": {"viewport": {"width": 1024, "height": 768}},
    "lobby": {"viewport": {"width": 1920, "height": 1080}},
}
