"""Compares manifests with their schemas, strictly: a field that a schema does not know is a problem.

Reads JSON: {"documents": [...], "version": "1.34", "definitions": [paths of CustomResourceDefinitions]}.
Writes JSON: a list of sentences, one for each manifest that is not as its schema says.
"""

import json
import sys

import jsonschema
import kubernetes_validate
import yaml


def closed(schema):
    """The schema of a custom resource, with no fields beside those that it names, as an API server prunes them."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {}
    for key, value in schema.items():
        if key == "properties":
            result[key] = {name: closed(one) for name, one in value.items()}
        elif key in ("default", "enum", "description", "example"):
            result[key] = value
        else:
            result[key] = closed(value)
    keeps = schema.get("x-kubernetes-preserve-unknown-fields", False)
    if "properties" in schema and "additionalProperties" not in schema and not keeps:
        result["additionalProperties"] = False
    return result


def custom_schemas(paths):
    schemas = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            spec = yaml.safe_load(file)["spec"]
        for version in spec["versions"]:
            name = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            schemas[name] = closed(version["schema"]["openAPIV3Schema"])
    return schemas


def check(document, version, custom):
    schema = custom.get((document["apiVersion"], document["kind"]))
    if schema is None:
        kubernetes_validate.validate(document, version, strict=True)
        return
    jsonschema.Draft202012Validator(schema).validate(document)
    # What every kind has is in no schema of a custom one.
    metadata = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": document["metadata"]}
    kubernetes_validate.validate(metadata, version, strict=True)


def main():
    asked = json.load(sys.stdin)
    custom = custom_schemas(asked["definitions"])
    problems = []
    for document in asked["documents"]:
        name = f"{document.get('kind')} {document.get('metadata', {}).get('name')}"
        try:
            check(document, asked["version"], custom)
        except jsonschema.ValidationError as error:
            where = "/".join(str(part) for part in error.absolute_path)
            problems.append(f"{name}: {where}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError as error:
            problems.append(f"{name}: {error.message}")
    json.dump(problems, sys.stdout)


main()
