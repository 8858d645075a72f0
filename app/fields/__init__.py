"""Forms made from declarations: an editor for each kind of param."""

from app.fields.form import Field, Form, readable

__all__ = ["Field", "Form", "readable"]
