"""TLC's taxi zones, as JSON and as GeoJSON."""

from marshmallow import RAISE, Schema, fields, validate

from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE, zones

BOROUGHS = tuple(sorted({zone.borough for zone in zones()}))


def _id() -> fields.Integer:
    return fields.Integer(
        required=True,
        validate=validate.Range(FIRST_ZONE, LAST_ZONE),
        metadata={"description": "TLC's LocationID.", "example": 161},
    )


class ZonesQuerySchema(Schema):
    """Which zones to list; all of them by default."""

    class Meta:
        unknown = RAISE

    name = fields.String(
        validate=validate.Length(1, 100),
        metadata={"description": "Part of the zone's name, upper or lower case.", "example": "midtown"},
    )
    borough = fields.String(
        validate=validate.OneOf(BOROUGHS),
        metadata={"description": "`EWR` is Newark Airport.", "example": "Manhattan"},
    )


class ZonePathSchema(Schema):
    """The zone that a path names."""

    id = _id()


class CentroidSchema(Schema):
    """The middle of a zone, in degrees (WGS 84)."""

    class Meta:
        unknown = RAISE

    lon = fields.Float(required=True, metadata={"example": -73.9777})
    lat = fields.Float(required=True, metadata={"example": 40.758})


class ZoneSchema(Schema):
    """A taxi zone of the New York City Taxi and Limousine Commission."""

    class Meta:
        unknown = RAISE

    id = _id()
    name = fields.String(required=True, metadata={"example": "Midtown Center"})
    borough = fields.String(required=True, validate=validate.OneOf(BOROUGHS), metadata={"example": "Manhattan"})
    service_zone = fields.String(
        required=True, metadata={"description": "Which taxis may pick up here.", "example": "Yellow Zone"}
    )
    centroid = fields.Nested(
        CentroidSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Null for 264 and 265, which mean unknown."},
    )


class ZonesSchema(Schema):
    """Zones in the order of their ids."""

    class Meta:
        unknown = RAISE

    zones = fields.List(fields.Nested(ZoneSchema), required=True)


class PointSchema(Schema):
    """A GeoJSON point."""

    class Meta:
        unknown = RAISE

    type = fields.String(required=True, validate=validate.Equal("Point"), metadata={"example": "Point"})
    coordinates = fields.List(
        fields.Float(),
        required=True,
        validate=validate.Length(equal=2),
        metadata={"description": "Longitude and latitude in degrees.", "example": [-73.9777, 40.758]},
    )


class ZonePropertiesSchema(Schema):
    """What a GeoJSON feature says of its zone."""

    class Meta:
        unknown = RAISE

    name = fields.String(required=True, metadata={"example": "Midtown Center"})
    borough = fields.String(required=True, metadata={"example": "Manhattan"})
    service_zone = fields.String(required=True, metadata={"example": "Yellow Zone"})


class ZoneFeatureSchema(Schema):
    """A zone as a GeoJSON feature (RFC 7946)."""

    class Meta:
        unknown = RAISE

    type = fields.String(required=True, validate=validate.Equal("Feature"), metadata={"example": "Feature"})
    id = _id()
    geometry = fields.Nested(
        PointSchema, required=True, allow_none=True, metadata={"description": "The centroid; null if unknown."}
    )
    properties = fields.Nested(ZonePropertiesSchema, required=True)


class ZoneCollectionSchema(Schema):
    """Zones as a GeoJSON feature collection (RFC 7946)."""

    class Meta:
        unknown = RAISE

    type = fields.String(
        required=True, validate=validate.Equal("FeatureCollection"), metadata={"example": "FeatureCollection"}
    )
    features = fields.List(fields.Nested(ZoneFeatureSchema), required=True)
