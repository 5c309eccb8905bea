"""TLC's taxi zones: which id is where?"""

from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from taxi_api.apidocs.operation import operation
from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE, Zone, zones
from taxi_api.routes.caching import JSON, cacheable
from taxi_api.routes.query import load_query
from taxi_api.schemas.zones import (
    ZoneCollectionSchema,
    ZoneFeatureSchema,
    ZonePathSchema,
    ZoneSchema,
    ZonesQuerySchema,
    ZonesSchema,
)

GEOJSON = "application/geo+json"
blueprint = Blueprint("zones", __name__)
_query = ZonesQuerySchema()


@blueprint.get("/v1/zones")
@operation(
    "List taxi zones",
    query=ZonesQuerySchema,
    answer={JSON: ZonesSchema, GEOJSON: ZoneCollectionSchema},
    conditional=True,
    errors=(422,),
)
def list_zones() -> Response:
    """Answer with all zones, or those whose name and borough match; as GeoJSON to `Accept: application/geo+json`."""
    query = load_query(_query)
    name = query.get("name", "").casefold()
    borough = query.get("borough")
    found = [zone for zone in zones() if name in zone.name.casefold() and borough in {None, zone.borough}]
    if _wants_geojson():
        collection = {"type": "FeatureCollection", "features": [_feature(zone) for zone in found]}
        return cacheable(collection, media_type=GEOJSON, negotiated=True)
    return cacheable({"zones": [_zone(zone) for zone in found]}, negotiated=True)


@blueprint.get("/v1/zones/<int:id>")
@operation(
    "Look up a taxi zone",
    path=ZonePathSchema,
    answer={JSON: ZoneSchema, GEOJSON: ZoneFeatureSchema},
    conditional=True,
    errors=(404,),
)
def get_zone(id: int) -> Response:
    """Answer with one zone; as GeoJSON to `Accept: application/geo+json`."""
    if not FIRST_ZONE <= id <= LAST_ZONE:
        raise NotFound(f"There is no zone {id}; TLC's ids run from {FIRST_ZONE} to {LAST_ZONE}.")
    zone = zones()[id - FIRST_ZONE]
    if _wants_geojson():
        return cacheable(_feature(zone), media_type=GEOJSON, negotiated=True)
    return cacheable(_zone(zone), negotiated=True)


def _wants_geojson() -> bool:
    return request.accept_mimetypes.best_match((JSON, GEOJSON)) == GEOJSON


def _zone(zone: Zone) -> dict[str, Any]:
    return {
        "id": zone.id,
        "name": zone.name,
        "borough": zone.borough,
        "service_zone": zone.service_zone,
        "centroid": None if zone.lon is None else {"lon": zone.lon, "lat": zone.lat},
    }


def _feature(zone: Zone) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": zone.id,
        "geometry": None if zone.lon is None else {"type": "Point", "coordinates": [zone.lon, zone.lat]},
        "properties": {"name": zone.name, "borough": zone.borough, "service_zone": zone.service_zone},
    }
