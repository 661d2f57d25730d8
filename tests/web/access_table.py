"""Who may open what. Every route and every kind of channel has a row; without one the suite fails.

A row names everyone who is let in at the own site. Elsewhere nobody is but an admin, except where a
route is open to all or names no site. `room` is the tablet of the room in the URL.
"""

RECEPTIONIST, CLINICIAN, MANAGER, ADMIN = "receptionist", "clinician", "manager", "admin"
KIOSK, LOBBY, ROOM, PATIENT, NOBODY = "kiosk", "lobby", "room", "patient", "anonymous"

LEADS = {MANAGER, ADMIN}
DESK = {RECEPTIONIST, *LEADS}
CARE = {CLINICIAN, *LEADS}
STAFF = {RECEPTIONIST, CLINICIAN, *LEADS}
ALL = {*STAFF, KIOSK, LOBBY, ROOM, "other room", PATIENT, NOBODY}


def _each(who: set[str], blueprint: str, names: str) -> dict[str, set[str]]:
    return {f"{blueprint}.{name}": who for name in names.split()}


ROUTES: dict[str, set[str]] = {
    "static": ALL,
    **_each(ALL, "health", "livez readyz"),
    **_each(ALL, "auth", "home sign_in sign_out device visit"),
    **_each({KIOSK, *LEADS}, "kiosk", "page alarm ask_desk ask_help booked by_code by_name ticket"),
    **_each(ALL, "phone", "join"),
    **_each({PATIENT}, "phone", "ticket ask_help go here out"),
    **_each(
        DESK,
        "desk",
        "page add preview begin day close book booking check_in end move do row item_panel settle "
        "take take_back open_shift shift_verb shifts",
    ),
    **_each({ROOM, *CARE}, "room", "page do"),
    **_each({LOBBY, *STAFF}, "lobby", "page"),
    **_each(ALL, "api", "openapi"),
    **_each(DESK, "api", "take_ticket book cancel check_in move_booking"),
    **_each(CARE, "api", "call_next start finish set_aside"),
    **_each(
        STAFF,
        "api",
        "list_sites list_slots read_state come_back did_not_answer leave move recall step_out "
        "transfer undo pause_room put_clinician resume_room",
    ),
}

# What a part of a URL that is no row's number may be; any value will do, as nothing is carried out.
WORDS = {
    "token": "x",
    "verb": "start",
    "choice": "x",
    "ending": "cancel",
    "filename": "css/tokens.css",
}

CHANNELS: dict[str, set[str]] = {
    "lobby": {LOBBY, *STAFF},
    "kiosk": {KIOSK, *LEADS},
    "desk": DESK,
    "room": {ROOM, *CARE},
    "board": LEADS,
    "line": {PATIENT},
    "visit": {PATIENT},
}

# All that a socket may send; anything else is not heard.
EVENTS = {"connect", "disconnect"}
