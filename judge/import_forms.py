"""The form by which leads hand in a file."""

from __future__ import annotations

from django import forms

from judge.exchange.file_imports import Wanted
from judge.models import FileImport
from recommend.imports import elsewhere
from recommend.imports.files import FORMATS
from recommend.models import Output

_TITLES = {"label-studio": "Label Studio", "argilla": "Argilla"}


class ImportForm(forms.Form):
    """A file, and how it is read."""

    file = forms.FileField(error_messages={"required": "Choose a file.", "empty": "The file is empty."})
    what = forms.ChoiceField(label="It holds", choices=FileImport.What, initial=FileImport.What.LABELS)
    tool = forms.ChoiceField(
        label="Written by",
        required=False,
        choices=[
            ("", "This project, or with its columns"),
            *((tool, f"{_TITLES[tool]} (JSON)") for tool in elsewhere.TOOLS),
        ],
    )
    format = forms.ChoiceField(
        label="Format", required=False, choices=[("", "as its name says"), *((one, one) for one in FORMATS)]
    )
    source = forms.CharField(label="System that made the outputs", required=False, max_length=100)
    kind = forms.ChoiceField(
        label="Kind of output", required=False, choices=[("", "as each row says"), *Output.Kind.choices]
    )
    model = forms.CharField(label="Model", required=False, max_length=180)
    prompt_version = forms.CharField(label="Prompt version", required=False, max_length=40)
    mapping = forms.CharField(
        label="Mapping (JSON)", required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 5})
    )
    skips_bad = forms.BooleanField(label="Leave bad rows out and store the others", required=False)

    def wanted(self) -> Wanted:
        """How a valid form wants its file read."""
        found = {name: value for name, value in self.cleaned_data.items() if name not in ("file", "skips_bad")}
        return Wanted(**found)
