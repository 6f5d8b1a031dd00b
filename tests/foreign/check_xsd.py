#!/usr/bin/env python3
"""Judges bank files by the ISO 20022 schemas, with a validator that is not ours.

    check_xsd.py FILE...              each file must be valid against the schema of its namespace
    check_xsd.py --invalid FILE...    each file must be invalid (a checker that accepts everything proves nothing)

Prints one line per file; exits 0 only if every file is as expected and at least one was given.
"""
import pathlib
import sys
import xml.etree.ElementTree as tree

import xmlschema

SCHEMAS = pathlib.Path(__file__).parent / "iso20022"
PREFIX = "urn:iso:std:iso:20022:tech:xsd:"


def judge(path):
    """The first error of the file, or None."""
    namespace = tree.parse(path).getroot().tag.partition("}")[0].lstrip("{")
    if not namespace.startswith(PREFIX):
        return f"unknown namespace {namespace!r}"
    schema = xmlschema.XMLSchema(SCHEMAS / (namespace.removeprefix(PREFIX) + ".xsd"))
    error = next(schema.iter_errors(path), None)
    return None if error is None else f"{error.path}: {error.reason}"


def main(arguments):
    want_invalid = arguments[:1] == ["--invalid"]
    files = arguments[1:] if want_invalid else arguments
    wrong = 0
    for path in files:
        error = judge(path)
        expected = (error is not None) == want_invalid
        wrong += not expected
        print(f"{'ok' if expected else 'WRONG'} {path}: {error or 'valid'}")
    return 0 if files and not wrong else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
