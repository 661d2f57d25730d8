"""Who may open what. Every route and every kind of channel has a row; without one the suite fails.

A row names everyone who is let in at the own site. Elsewhere nobody is but an admin, except where a
route is open to all or names no site. `room` is the tablet of the room in the URL.
"""

RECEPTIONIST, CLINICIAN, MANAGER, ADMIN = "receptionist", "clinician", "manager", "admin"
KIOSK, LOBBY, ROOM, PATIENT, NOBODY = "kiosk", "lobby", "room", "patient", "anonymous"
BOOKER = "booker"

LEADS = {MANAGER, ADMIN}
DESK = {RECEPTIONIST, *LEADS}
CARE = {CLINICIAN, *LEADS}
STAFF = {RECEPTIONIST, CLINICIAN, *LEADS}
ALL = {*STAFF, KIOSK, LOBBY, ROOM, "other room", PATIENT, BOOKER, NOBODY}


def _each(who: set[str], blueprint: str, names: str) -> dict[str, set[str]]:
    return {f"{blueprint}.{name}": who for name in names.split()}


ROUTES: dict[str, set[str]] = {
    "static": ALL,
    **_each(ALL, "health", "livez readyz"),
    **_each(ALL, "auth", "home sign_in sign_out device visit"),
    **_each(STAFF, "account", "page sign_out_others"),
    **_each({KIOSK, *LEADS}, "kiosk", "page alarm ask_desk ask_help booked family ticket wishes"),
    **_each(ALL, "phone", "join book book_time booking_link"),
    **_each(
        {BOOKER}, "phone", "booking details keep calendar move_booking cancel_booking booking_late"
    ),
    **_each({PATIENT}, "phone", "ticket ask_help go here late out sorted_out"),
    **_each(
        DESK,
        "desk",
        "page add add_consequence preview consequence begin day close book booking check_in end "
        "move do row item_panel settle take take_back take_note_away open_shift shift_verb shifts "
        "park drop find sheet paper",
    ),
    **_each(ALL, "desk", "worker"),
    **_each({ROOM, *CARE}, "room", "page do"),
    **_each({LOBBY, *STAFF}, "lobby", "page"),
    **_each(LEADS, "board", "page trend"),
    **_each(
        LEADS,
        "admin",
        "page services new_service service retire_service rooms new_room room retire_room "
        "clinicians new_clinician clinician retire_clinician hours other_day remove_day settings "
        "pools new_pool pool close_pool "
        "staff new_login login password_link disable_login tokens revoke_token devices pair_again "
        "revoke_device audit audit_file",
    ),
    **_each({ADMIN}, "admin", "another_site"),
    **_each(ALL, "admin", "setup pair choose_password"),
    **_each(ALL, "api", "openapi"),
    **_each(LEADS, "api", "read_metrics"),
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
    "service": "x",
    "verb": "start",
    "choice": "x",
    "ending": "cancel",
    "note_id": "1",
    "version": "x",
    "filename": "css/tokens.css",
    # Rows that the site's own pages look up, within the site of the URL.
    **dict.fromkeys(
        (
            "service_id",
            "pool_id",
            "clinician_id",
            "staff_id",
            "device_id",
            "token_id",
            "exception_id",
        ),
        1,
    ),
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
