"""Values from a user as a pydantic model; what is wrong with them in a line or two."""

import difflib
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from fer_lib.errors import FerError

Model = TypeVar("Model", bound=BaseModel)
_USUAL = {
    "learning_rate": "lr", "rate": "lr", "bs": "batch_size", "batch": "batch_size", "wd": "weight_decay",
    "architecture": "model", "network": "model", "data": "dataset", "width": "width_per_group",
}  # fmt: skip  # what others call a key


class Explained(type(BaseModel)):  # type: ignore[misc]
    """Metaclass of a model whose constructor raises a FerError, too."""

    def __call__(cls, *arguments: Any, **values: Any) -> Any:
        try:
            return super().__call__(*arguments, **values)
        except ValidationError as error:
            raise FerError(f"{cls.__name__}: {explain(error, cls)}") from None


def validated(model: type[Model], values: Any, *, where: str) -> Model:
    """`values` as a `model`.

    Raises:
        FerError: an unknown key, a wrong type or a contradiction; names `where`, the key and what is allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise FerError(f"{where}: {explain(error, model)}") from None


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """A pydantic error as one or two lines: the key, what was found and what is allowed."""
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    key = ".".join(str(part) for part in first["loc"])
    found = first["input"]
    if first["type"] == "extra_forbidden":
        text = f"unknown key {key!r}; {_meant(key.split('.')[-1], model)}known keys: {', '.join(model.model_fields)}"
    elif first["type"] == "value_error":
        text = str(first["ctx"]["error"])
    elif first["type"] == "missing":
        text = f"{key!r} is missing"
    else:
        text = f"{key}: found {repr(found)[:80]} ({type(found).__name__}); {first['msg'][0].lower()}{first['msg'][1:]}"
        if isinstance(found, str) and first["type"].startswith(("float", "int")):
            text += " (in YAML write 1.0e-4, not 1e-4 or '0.0001')"
    more = f"\n({len(problems) - 1} more of the kind)" if len(problems) > 1 else ""
    return f"{text}.{more}"


def _meant(key: str, model: type[BaseModel]) -> str:
    """`did you mean 'lr'? `, if a key is nearly one of `model`, or a usual name of one."""
    usual = _USUAL.get(key, key)
    near = [usual] if usual in model.model_fields else difflib.get_close_matches(usual, model.model_fields, n=1)
    return f"did you mean {near[0]!r}? " if near else ""
