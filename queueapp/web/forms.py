"""Forms: CSRF, a key that makes a repeated submit have one effect, words that say what is right."""

import uuid
from typing import Any

from flask import g, request
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup
from wtforms import EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, Length

from queueapp.domain.refusal import Refused

KEY_FIELD = "idempotency_key"
_LONGEST_KEY = 200


def new_key() -> str:
    """A fresh idempotency key."""
    return uuid.uuid4().hex


class Form(FlaskForm):
    """The base of every form: CSRF and an idempotency key come with `form.hidden_tag()`."""

    idempotency_key = HiddenField(default=new_key, validators=[Length(max=_LONGEST_KEY)])

    def take(self, refused: Refused) -> None:
        """Show a refusal beside the field it names, or above the form where it names none."""
        field = self._fields.get(refused.field)
        if field is None:
            self.form_errors.append(refused.message)
        else:
            field.errors = [*field.errors, refused.message]


class PostForm(Form):
    """A form without fields of its own: one button."""


def post_fields() -> Markup:
    """The hidden inputs of a hand-written `<form method="post">`.

    Empty in what live channels send, which is the same bytes for all: forms.js adds them there.
    """
    if g.get("is_live"):
        return Markup("")
    return Markup(
        '<input type="hidden" name="csrf_token" value="{}">'
        '<input type="hidden" name="{}" value="{}">'
    ).format(generate_csrf(), KEY_FIELD, new_key())


def submitted_key() -> str:
    """The idempotency key of this request: of its header or its form; a new one where neither."""
    key = request.headers.get("Idempotency-Key") or request.form.get(KEY_FIELD)
    return (key or new_key())[:_LONGEST_KEY]


class SignInForm(Form):
    """E-mail address and password."""

    email = EmailField("E-mail", [DataRequired("Give your e-mail address."), Length(max=254)])
    password = PasswordField("Password", [DataRequired("Give your password."), Length(max=200)])
    next = HiddenField()


def text(label: str, needed: str = "", longest: int = 120, **options: Any) -> StringField:
    """A line of text; `needed` is what to say when it is left out."""
    checks: list[Any] = [Length(max=longest, message=f"Use at most {longest} characters.")]
    if needed:
        checks.insert(0, DataRequired(needed))
    return StringField(label, checks, **options)
