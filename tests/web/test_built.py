"""The browser libraries as `make install` builds them."""

import re
from pathlib import Path

import pytest

VENDOR = Path(__file__).parents[2] / "static" / "vendor"


@pytest.mark.parametrize("name", ["fonts.css", "nhsuk.css"])
def test_a_style_sheet_loads_only_what_lies_beside_it(name: str) -> None:
    urls = re.findall(r"url\(\"?([^\")]+)", (VENDOR / name).read_text())
    outside = [url for url in urls if not url.startswith("data:") and not (VENDOR / url).is_file()]
    assert urls
    assert outside == []


def test_forms_carry_our_colour_and_not_the_nhs_blue() -> None:
    css = (VENDOR / "nhsuk.css").read_text().lower()
    assert "#0b5d4b" in css
    assert "#005eb8" not in css
    assert "frutiger" not in css


@pytest.mark.parametrize("weight", [400, 500, 600, 700])
def test_the_font_has_each_weight_in_both_alphabets(weight: int) -> None:
    faces = (VENDOR / "fonts.css").read_text().split("@font-face")
    of_weight = [face for face in faces if f"font-weight: {weight};" in face]
    assert len(of_weight) == 2
