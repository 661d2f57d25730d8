"""Forms of administration: long, in parts, each wrong field named above and beside it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from wtforms import (
    Field,
    FieldList,
    Form,
    FormField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
)
from wtforms.validators import Length, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from queueapp.domain.refusal import Refused
from queueapp.web import errors
from queueapp.web.forms import Form as QueueForm

OTHERWISE = "changed_meanwhile"


class AdminForm(QueueForm):
    """A form that knows which version it was opened with, and lists its problems."""

    version = HiddenField(validators=[Length(max=40)])
    refused_status: int = 0

    def take(self, refused: Refused) -> None:
        """Show a refusal beside its field (`reasons.0.words`, too), or above the form."""
        self.refused_status = errors.STATUS[refused.kind]
        if refused.code == OTHERWISE:
            self.version.data = str(refused.details["version"])
            # The same entries again are another wish now: to overwrite.
            self.idempotency_key.data = self.idempotency_key.default()
        field = self.field_at(refused.field)
        if field is None:
            self.form_errors.append(refused.message)
        else:
            field.errors = [*field.errors, refused.message]

    def field_at(self, path: str) -> Any:
        """The field a refusal names, e.g. `targets.booked.within`; None where there is none."""
        found: Any = self
        for part in path.split(".") if path else []:
            if isinstance(found, FieldList):
                found = _entry(found, part)
            else:
                inner = found.form if isinstance(found, FormField) else found
                found = inner._fields.get(part) if isinstance(inner, Form) else None
            if found is None:
                return None
        return None if found is self or isinstance(found, FieldList | FormField) else found

    def was_refused(self) -> bool:
        """Whether anything is wrong with what was entered."""
        return bool(self.form_errors) or any(True for _ in self.problems())

    def problems(self) -> Iterator[tuple[str, str]]:
        """All wrong fields in order: (the id to go to, what to say)."""
        for field, row in _flat(self):
            if field.errors and not isinstance(field, HiddenField):
                label = field.label.text
                if row:
                    label = f"Row {row}, {label[:1].lower()}{label[1:]}"
                label = getattr(field, "summary", "") or label
                yield getattr(field, "focus_id", field.id), f"{label}: {field.errors[0]}"


def _entry(rows: Any, part: str) -> Any:
    """The row of that place, or of that key where rows have one."""
    if part.isdigit():
        return rows.entries[int(part)] if int(part) < len(rows.entries) else None
    return next((e for e in rows.entries if getattr(e.form, "key", None) == part), None)


def _flat(form: Iterable[Any], row: int = 0) -> Iterator[tuple[Any, int]]:
    """All fields in order, each with the number of the row it stands in, from 1; 0 for none."""
    for field in form:
        if isinstance(field, FormField):
            yield from _flat(field.form, row)
        elif isinstance(field, FieldList):
            for number, entry in enumerate(field.entries, start=1):
                yield from _flat([entry], number)
        else:
            yield field, row


def need(field: Any, words: str) -> None:
    """Ask for what was left out, where it depends on the rest whether it is needed."""
    if not (field.data or "").strip():
        field.errors = [*field.errors, words]


class NumberField(Field):
    """A whole number from `least` to `most`; `data` is an int, None when left empty."""

    def __init__(
        self,
        label: str,
        *,
        least: int = 0,
        most: int = 720,
        unit: str = "minutes",
        needed: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(label, **options)
        self.least, self.most, self.unit, self.needed = least, most, unit, needed
        self.raw = ""

    def process_formdata(self, values: list[str]) -> None:
        self.raw = values[0].strip() if values else ""
        self.data = None

    def pre_validate(self, form: Any) -> None:
        wrong = f"{f'Give {self.least} to {self.most} {self.unit}'.rstrip()}."
        if not self.raw:
            if self.needed:
                raise ValidationError(wrong)
            return
        if not self.raw.isascii() or not self.raw.isdigit() or len(self.raw) > 9:
            raise ValidationError(f"“{self.raw[:20]}” is not possible. {wrong}")
        self.data = int(self.raw)
        if not self.least <= self.data <= self.most:
            raise ValidationError(f"{self.data} is not possible. {wrong}")

    def shown(self) -> str:
        """What stands in the box."""
        return self.raw or ("" if self.data is None else str(self.data))

    def span(self) -> timedelta:
        """The number as minutes."""
        return timedelta(minutes=self.data or 0)


class DayField(Field):
    """A date in three boxes, as NHS.UK's date input sends it; `data` is a date or None."""

    def __init__(self, label: str, *, needed: str = "", **options: Any) -> None:
        super().__init__(label, **options)
        self.needed = needed
        self.parts = {"day": "", "month": "", "year": ""}

    @property
    def focus_id(self) -> str:
        """The box an error leads to."""
        return f"{self.id}-day"

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """Read the three boxes, or show `data`."""
        self.process_errors = []
        self.data = data if isinstance(data, date) else None
        if formdata:
            self.parts = {p: str(formdata.get(f"{self.name}[{p}]", "")).strip() for p in self.parts}
            self.data = self._read()
        elif self.data:
            day, month, year = self.data.day, self.data.month, self.data.year
            self.parts = {"day": str(day), "month": str(month), "year": str(year)}

    def _read(self) -> date | None:
        try:
            return date(*(int(self.parts[p]) for p in ("year", "month", "day")))
        except ValueError:
            return None

    def pre_validate(self, form: Any) -> None:
        if not any(self.parts.values()):
            if self.needed:
                raise ValidationError(self.needed)
        elif self.data is None or not 2000 <= self.data.year <= 2100:
            raise ValidationError("Give a real date, for example 27 3 2027.")


class ManyField(SelectMultipleField):
    """Any of some choices, as checkboxes."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class PickField(SelectField):
    """One of a few words, `(value, words)` each, as a list to open."""

    def __init__(self, label: str, choices: Sequence[tuple[str, str]] = (), **options: Any) -> None:
        super().__init__(label, choices=[], **options)
        self.choices = list(choices)


class RadiosField(RadioField):
    """One of a few words, all of them shown."""

    def __init__(self, label: str, choices: Sequence[tuple[str, str]] = (), **options: Any) -> None:
        super().__init__(label, choices=[], **options)
        self.choices = list(choices)
