"""Compares answers with authentik's published client models, and prints what differs: one line each, `model: path: what`.

    schema.py ANSWERS.json      a list of {"model": name, "answer": value}

Every member of an answer must be in the model, and every member of the model must be in the answer, optional ones too.
"""

import importlib
import importlib.util
import json
import re
import sys
import types
import typing

import pydantic


def package(name, path):
    """An empty package with the modules in `path`: the real one imports a thousand models, which takes many seconds."""
    module = types.ModuleType(name)
    module.__path__ = path
    sys.modules[name] = module


def model_named(name):
    module = re.sub("(?<!^)(?=[A-Z])", "_", name).lower()
    return getattr(importlib.import_module(f"authentik_client.models.{module}"), name)


places = importlib.util.find_spec("authentik_client").submodule_search_locations
package("authentik_client", list(places))
package("authentik_client.models", [f"{place}/models" for place in places])


def members(annotation):
    """The model within an annotation such as `List[Model]` or `Optional[Model]`, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return annotation
    return next(filter(None, map(members, typing.get_args(annotation))), None)


# What a server may leave away, although it is always known.
OPTIONAL = {"GenericError": {"code"}}


def differences(model, value, path):
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from differences(model, item, path + [str(index)])
    elif isinstance(value, dict):
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        for name in value.keys() - fields.keys():
            yield path + [name], "is not in the model"
        for name in fields.keys() - value.keys() - OPTIONAL.get(model.__name__, set()):
            yield path + [name], "is missing"
        for name in fields.keys() & value.keys():
            inner = members(fields[name].annotation)
            if inner:
                yield from differences(inner, value[name], path + [name])


def typed(model, value):
    try:
        model.model_validate_json(json.dumps(value))
    except pydantic.ValidationError as fault:
        for error in fault.errors():
            yield [str(part) for part in error["loc"]], error["msg"]


with open(sys.argv[1], encoding="utf-8") as file:
    for case in json.load(file):
        model = model_named(case["model"])
        found = [*differences(model, case["answer"], []), *typed(model, case["answer"])]
        for path, what in found:
            print(f"{case['model']}: {'.'.join(path)}: {what}")
