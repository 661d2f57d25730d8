"""The people of the demo clinic: who works there, and who comes."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Person:
    """A patient; empty means nothing was said."""

    name: str
    birth_date: date
    chosen_name: str = ""
    sounds: str = ""
    language: str = "en"
    call_routes: tuple[str, ...] = ()
    access_needs: tuple[str, ...] = ()
    room_needs: tuple[str, ...] = ()
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Doctor:
    """A clinician: services by slug, room by name, weekday hours and break as (from, to)."""

    title: str
    name: str
    email: str
    services: tuple[str, ...]
    room: str
    hours: tuple[str, str]
    rest: tuple[str, str]
    saturday: bool = False
    attributes: tuple[str, ...] = ()
    pace: float = 1.0


@dataclass(frozen=True, slots=True)
class Offer:
    """A service: minutes planned, targets in minutes by class, reasons with planned minutes."""

    slug: str
    name: str
    plain: str
    planned: int
    targets: dict[str, int]
    reasons: tuple[tuple[str, int], ...]
    not_care: bool = False


OFFERS = (
    Offer(
        "gp",
        "GP consultation",
        "Doctor",
        12,
        {"urgent": 10, "booked": 15, "walk_in": 60},
        (
            ("A new problem", 12),
            ("Something that has not got better", 12),
            ("Results to talk about", 8),
            ("A repeat prescription with questions", 8),
            ("A long-standing condition, check-up", 15),
        ),
    ),
    Offer(
        "nurse",
        "Nurse visit",
        "Nurse",
        10,
        {"urgent": 10, "booked": 15, "walk_in": 45},
        (
            ("A dressing to change", 12),
            ("A vaccination", 6),
            ("Blood pressure", 6),
            ("An injection", 6),
        ),
    ),
    Offer(
        "blood-test",
        "Blood test",
        "Blood test",
        4,
        {"urgent": 10, "booked": 10, "walk_in": 30},
        (("A sample, asked for by the doctor", 4), ("A child under 6", 8)),
    ),
    Offer(
        "prescription",
        "Prescription pick-up",
        "Pick up a prescription",
        2,
        {"walk_in": 30},
        (("A prescription that is ready", 2),),
        not_care=True,
    ),
)

ROOMS = (
    ("Room 1", ("step-free", "couch")),
    ("Room 2", ("couch",)),
    ("Room 3", ("step-free",)),
    ("Room 4", ("step-free", "couch", "isolation")),
)

DOCTORS = (
    Doctor(
        "Dr", "Elena Ruiz", "ruiz", ("gp",), "Room 1", ("08:00", "16:30"), ("12:30", "13:00"),
        attributes=("a woman", "speaks Spanish"), pace=1.1,
    ),
    Doctor(
        "Dr", "Chidi Okafor", "okafor", ("gp",), "Room 2", ("09:00", "18:00"), ("13:00", "13:30"),
        saturday=True, attributes=("a man", "speaks Igbo", "signs BSL"), pace=0.9,
    ),
    Doctor(
        "Nurse", "Nina Lindqvist", "lindqvist", ("blood-test", "nurse", "prescription"), "Room 3",
        ("08:00", "16:00"), ("12:00", "12:30"), saturday=True,
        attributes=("a woman", "speaks Swedish"),
    ),
    Doctor(
        "Nurse", "Nam Tran", "tran", ("nurse", "blood-test"), "Room 4", ("10:00", "18:30"),
        ("14:00", "14:30"), attributes=("a man", "speaks Vietnamese"), pace=1.05,
    ),
    Doctor(
        "Dr", "Ama Osei-Bonsu", "osei", ("gp",), "Room 2", ("18:00", "20:00"), ("19:00", "19:10"),
        attributes=("a woman", "speaks French"),
    ),
)  # fmt: skip

_P = Person
PEOPLE = (
    _P("Xiomara Quispe", date(1951, 3, 3), sounds="see-oh-MAH-rah KEES-peh", language="es",
       call_routes=("lobby", "phone"), room_needs=("step-free",),
       access_needs=("Hard of hearing, left side: face her and speak slowly", "Walks with a stick"),
       phone="+44 7700 900101"),
    _P("Walter Brandt", date(1948, 11, 20), phone="+44 7700 900102"),
    _P("Ines Marques", date(1990, 6, 1), sounds="ee-NESH MAR-kesh", language="pt"),
    _P("Noor El-Sayed", date(1986, 9, 9), sounds="NOOR el SAH-yid", language="ar"),
    _P("Tomás Oliveira", date(1979, 1, 28), sounds="toh-MAHSH oh-lee-VAY-rah", language="pt"),
    _P("Kofi Mensah", date(1994, 12, 12), sounds="KOH-fee MEN-sah"),
    _P("Lena Fischer", date(2001, 4, 17), language="de"),
    _P("Daniel Osei", date(1984, 5, 5), phone="+44 7700 900103"),
    _P("Daniel Osei", date(1962, 2, 14), chosen_name="Dan Osei"),
    _P("Petra Novak", date(1957, 8, 30), language="cs"),
    _P("Hana Suzuki", date(1998, 10, 10), sounds="HAH-nah su-ZU-ki", language="ja"),
    _P("Sam Achterberg", date(1970, 7, 7), sounds="AHKH-ter-berkh", call_routes=("fetch", "phone"),
       access_needs=("Deaf: please come over and tap the shoulder",), phone="+44 7700 900104"),
    _P("Jonas Weber", date(1975, 3, 22), phone="+44 7700 900105"),
    _P("Amira Haddad", date(1992, 1, 2), language="ar", phone="+44 7700 900106"),
    _P("Mariam Haddad", date(1966, 6, 16), language="ar",
       access_needs=("An interpreter for Arabic, by phone",)),
    _P("Rosa Lind", date(1939, 12, 1), room_needs=("step-free",),
       access_needs=("Uses a wheelchair",)),
    _P("Yusuf Demir", date(1988, 2, 29), language="tr"),
    _P("Viktor Lang", date(1953, 5, 19)),
    _P("Ruth Bianchi", date(1961, 10, 3), language="it"),
    _P("Paul Meier", date(1969, 9, 27), access_needs=("Sees very little: read things out",)),
    _P("Grace Adeyemi", date(1995, 11, 11), sounds="ah-deh-YEH-mee", phone="+44 7700 900107"),
    _P("Emil Dvorak", date(1982, 7, 14), sounds="EH-mil DVOR-zhahk", language="cs"),
    _P("Bruno Costa", date(1973, 4, 4), language="pt"),
    _P("Olga Petrenko", date(1944, 1, 31), language="uk"),
    _P("Farah Rahimi", date(1989, 3, 8), language="fa", chosen_name="Farah"),
    _P("Niamh O’Connell", date(1997, 12, 24), sounds="NEEV oh-KON-ell"),
    _P("Siân Pritchard", date(1980, 8, 8), sounds="SHAHN PRIT-chard", language="cy"),
    _P("Callum Reid", date(2003, 2, 6)),
    _P("Agnieszka Wójcik", date(1985, 6, 23), sounds="ag-NYESH-ka VOY-chik", language="pl"),
    _P("Leila Haddad", date(2016, 5, 2), language="ar"),
    _P("Margaret Hollis", date(1941, 9, 15), access_needs=("Short of breath: let her sit",)),
    _P("Abdul Karim", date(1978, 7, 19), language="bn"),
    _P("Thandiwe Ndlovu", date(1991, 4, 26), sounds="tan-DEE-weh n-DLOH-voo"),
    _P("George Whitcombe", date(1955, 1, 9)),
    _P("Mei Lin Chua", date(1987, 11, 30), language="zh"),
    _P("Patrick Doyle", date(1964, 3, 17)),
    _P("Ewa Kamińska", date(1993, 10, 21), sounds="EH-va ka-MEEN-ska", language="pl"),
    _P("Isaac Mbeki", date(1999, 6, 6)),
    _P("Joan Fairweather", date(1947, 2, 2), call_routes=("fetch",),
       access_needs=("Does not hear the chime",)),
    _P("Rafael Torres", date(1976, 12, 8), language="es"),
    _P("Hugh Ballantyne", date(1950, 5, 25)),
    _P("Priya Raman", date(1990, 9, 1), sounds="PREE-ya RAH-man"),
    _P("Stefan Ionescu", date(1983, 3, 13), language="ro"),
    _P("Chloe Barnard", date(2000, 7, 29)),
    _P("Mustafa Aydin", date(1968, 11, 6), language="tr"),
    _P("Eilidh Fraser", date(1996, 1, 18), sounds="AY-lee FRAY-zer"),
    _P("Luca Romano", date(1974, 8, 20), language="it"),
    _P("Dorothy Pike", date(1938, 4, 11), call_routes=("lobby", "fetch")),
    _P("Kwame Boateng", date(1981, 12, 3), sounds="KWAH-may bwah-TENG"),
    _P("Sofia Lindholm", date(1992, 2, 22)),
    _P("Terence Nash", date(1959, 6, 30)),
    _P("Yara Mansour", date(2004, 10, 5), language="ar"),
    _P("Oskar Nilsen", date(1971, 9, 9)),
    _P("Beatriz Furtado", date(1988, 5, 16), language="pt"),
    _P("Ivan Horvat", date(1963, 7, 2), language="hr"),
    _P("Joyce Abara", date(1985, 1, 27)),
)  # fmt: skip
