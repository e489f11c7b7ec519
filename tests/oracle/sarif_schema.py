"""What the schema of SARIF 2.1.0 says of everything that we write: nothing else may stand there."""

TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
BAG = {"type": "object"}
LEVEL = {"enum": ["none", "note", "warning", "error"]}


def record(*required, **properties):
    """An object with these properties and no others."""
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


def several(items, unique=False):
    return {"type": "array", "items": items, "uniqueItems": unique}


MESSAGE = record("text", text=TEXT, markdown=TEXT)
RULE = record("id", id=TEXT, name=TEXT, shortDescription=MESSAGE, fullDescription=MESSAGE, help=MESSAGE, helpUri=TEXT)
DRIVER = record("name", name=TEXT, version=TEXT, semanticVersion=TEXT, informationUri=TEXT, rules=several(RULE, True))
LOCATION = record(
    physicalLocation=record(
        "artifactLocation",
        artifactLocation=record(uri={**TEXT, "format": "uri-reference"}, uriBaseId=TEXT),
        region=record(startLine={"type": "integer", "minimum": 1}),
    ),
    logicalLocations=several(record(name=TEXT, fullyQualifiedName=TEXT, kind=TEXT), True),
)
RESULT = record(
    "message",
    ruleId=TEXT,
    ruleIndex=COUNT,
    level=LEVEL,
    message=MESSAGE,
    locations=several(LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
)
INVOCATION = record(
    "executionSuccessful",
    executionSuccessful={"type": "boolean"},
    exitCode={"type": "integer"},
    toolExecutionNotifications=several(record("message", message=MESSAGE, level=LEVEL)),
)
RUN = record(
    "tool",
    tool=record("driver", driver=DRIVER),
    invocations=several(INVOCATION),
    results=several(RESULT),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    properties=BAG,
)
HEAD = {"$schema": {**TEXT, "format": "uri"}, "version": {"const": "2.1.0"}}
LOG = record("version", "runs", **HEAD, runs=several(RUN))
