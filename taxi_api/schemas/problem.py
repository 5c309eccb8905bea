"""The one shape of every error: problem details for HTTP APIs, RFC 9457."""

from marshmallow import Schema, fields


class ProblemSchema(Schema):
    """What went wrong, in a form for programs and for people. ``problems.problem_of`` makes it; keep the two alike."""

    type = fields.String(
        required=True, metadata={"description": "`about:blank`: see `title`.", "example": "about:blank"}
    )
    title = fields.String(required=True, metadata={"example": "Unprocessable Entity"})
    status = fields.Integer(required=True, metadata={"example": 422})
    detail = fields.String(
        required=True, metadata={"example": "The request has fields that cannot be used; see errors."}
    )
    instance = fields.String(required=True, metadata={"description": "Path of the request.", "example": "/predict"})
    request_id = fields.String(
        required=True,
        metadata={"description": "Also in the header `X-Request-ID`.", "example": "6289c29154ee4400a77db67b12d007a2"},
    )
    errors = fields.Dict(
        keys=fields.String(),
        metadata={
            "description": "For 422: messages by field; by place, then by field, where a request has many trips.",
            "example": {"DOLocationID": ["Must be greater than or equal to 1 and less than or equal to 265."]},
        },
    )
