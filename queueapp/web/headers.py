"""What every answer tells the browser: load nothing from elsewhere, keep nothing personal."""

from flask import Flask, request
from werkzeug.wrappers import Response

from queueapp.config import Settings
from queueapp.web import security

_NO_DEVICES = "camera=(), microphone=(), geolocation=()"


def _policy(settings: Settings) -> str:
    live = " ".join(sorted(origin.replace("http", "ws", 1) for origin in settings.origins))
    return "; ".join(
        [
            "default-src 'self'",
            "script-src 'self'",
            "script-src-attr 'none'",
            f"connect-src 'self' {live}",
            "img-src 'self' data:",
            "style-src 'self'",
            # Lengths of bars come from figures, as custom properties on the element.
            "style-src-attr 'unsafe-inline'",
            "object-src 'none'",
            "frame-src 'none'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def register(app: Flask, settings: Settings) -> None:
    """Add the headers to every answer."""
    fixed = {
        "Content-Security-Policy": _policy(settings),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": _NO_DEVICES,
    }
    if settings.is_https:
        fixed["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    kept_nowhere = fixed | {"Cache-Control": "no-store"}

    @app.after_request
    def add(answer: Response) -> Response:
        is_static = request.endpoint == "static"
        # Programs have no browser's session.
        if not is_static and not security.is_api():
            security.note_seen()
        if request.blueprint == "kiosk":
            # Where there is no scanner, the camera reads a booking's code.
            answer.headers["Permissions-Policy"] = _NO_DEVICES.replace("camera=()", "camera=(self)")
        said = {name.lower() for name, _ in answer.headers}
        wanted = fixed if is_static else kept_nowhere
        answer.headers.extend((n, value) for n, value in wanted.items() if n.lower() not in said)
        return answer
