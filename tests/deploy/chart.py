"""The chart as Helm renders it, for the tests.

    chart.py REQUEST.json

The request is {"render": [values, …], "parse": [YAML text, …], "lint": [values, …]}. The answer, on stdout, is
{"rendered": [{"error": text} or {"resources": […], "notes": text, "faults": […]}, …], "parsed": [[document, …], …],
"linted": [text, …]}.

`faults` says where a resource disagrees with the schema of its kind: that of Kubernetes, in the oldest version that the chart
supports and in the newest one that is known, or the one in its CustomResourceDefinition. Unknown members count as faults.
"""

import copy
import functools
import json
import pathlib
import sys

import helm_python
import jsonschema
import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).parents[2]
KUBERNETES = ["1.27", kubernetes_validate.latest_version().rsplit(".", 1)[0]]


def strict(schema):
    """A structural schema of Kubernetes as a JSON Schema that refuses unknown members."""
    schema = copy.deepcopy(schema)

    def walk(part):
        if not isinstance(part, dict):
            return
        if part.pop("x-kubernetes-int-or-string", False):
            part.pop("type", None)
            part["anyOf"] = [{"type": "integer"}, {"type": "string"}]
        known = part.get("properties")
        if known is not None and "additionalProperties" not in part and not part.get("x-kubernetes-preserve-unknown-fields"):
            part["additionalProperties"] = False
        for inner in (known or {}).values():
            walk(inner)
        for key in ("items", "additionalProperties"):
            walk(part.get(key))

    walk(schema)
    schema["properties"].update(apiVersion={"type": "string"}, kind={"type": "string"}, metadata={"type": "object"})
    return schema


def definitions():
    """The schemas by API version and kind."""
    found = {}
    files = sorted((ROOT / ".tools/crds").glob("*.yaml"))
    assert files, "no definitions in .tools/crds; run `make tools`"
    for file in files:
        for document in yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
            if document and document["kind"] == "CustomResourceDefinition":
                spec = document["spec"]
                for version in spec["versions"]:
                    key = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
                    found[key] = version["schema"]["openAPIV3Schema"]
    return found


DEFINITIONS = definitions()
VALIDATORS = {}
FOLDER = ROOT / "deploy/helm/gatepost"
CHART = helm_python.Chart.load(FOLDER)
# Severity of Helm's recommendations, which are no faults.
INFORMATION = 1


@functools.cache
def faults(text):
    """The faults of a resource, which is given as JSON: many releases have the same ones."""
    return list(differences(json.loads(text)))


def differences(resource):
    kind = resource["apiVersion"], resource["kind"]
    name = f"{resource['kind']} {resource['metadata']['name']}"
    if kind in DEFINITIONS:
        if kind not in VALIDATORS:
            VALIDATORS[kind] = jsonschema.Draft202012Validator(strict(DEFINITIONS[kind]))
        for fault in VALIDATORS[kind].iter_errors(resource):
            yield f"{name}: {fault.json_path}: {fault.message}"
        return
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except kubernetes_validate.ValidationError as fault:
            yield f"{name}: Kubernetes {version}: {fault.message}"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"{name}: Kubernetes {version}: no schema for {kind}"


@functools.cache
def rendered(values):
    """What Helm makes of values, which are given as JSON."""
    try:
        texts = CHART.render(json.loads(values), name="gatepost", namespace="auth")
    except helm_python.HelmError as error:
        return {"error": str(error)}
    notes = texts.pop("gatepost/templates/NOTES.txt")
    resources = []
    for _, text in sorted(texts.items()):
        resources += filter(None, yaml.load_all(text, Loader=yaml.CSafeLoader))
    found = [fault for resource in resources for fault in faults(json.dumps(resource))]
    return {"resources": resources, "notes": notes, "faults": found}


with open(sys.argv[1], encoding="utf-8") as file:
    request = json.load(file)
def linted(values):
    """What `helm lint --strict` finds."""
    for finding in helm_python.lint(FOLDER, values, strict=True)["messages"]:
        if finding["severity"] > INFORMATION:
            yield f"{finding['path']}: {finding['error']}"


answer = {
    "rendered": [rendered(json.dumps(values)) for values in request.get("render", [])],
    "parsed": [list(yaml.load_all(text, Loader=yaml.CSafeLoader)) for text in request.get("parse", [])],
    "linted": [finding for values in request.get("lint", []) for finding in linted(values)],
}
json.dump(answer, sys.stdout)
