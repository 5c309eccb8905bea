import pytest
from flask.testing import FlaskClient

from taxi_api.model.zones import zones
from taxi_api.schemas.zones import ZoneCollectionSchema, ZoneFeatureSchema, ZoneSchema, ZonesSchema
from tests.http.test_errors import assert_problem

GEOJSON = {"Accept": "application/geo+json"}


def names(client: FlaskClient, **query: str) -> list[str]:
    response = client.get("/v1/zones", query_string=query)
    assert response.status_code == 200
    assert ZonesSchema().validate(response.get_json()) == {}
    return [zone["name"] for zone in response.get_json()["zones"]]


def test_all_zones_are_listed_in_order(client: FlaskClient):
    response = client.get("/v1/zones")
    assert ZonesSchema().validate(response.get_json()) == {}
    assert [zone["id"] for zone in response.get_json()["zones"]] == list(range(1, 266))
    assert names(client) == [zone.name for zone in zones()]


def test_zones_are_found_by_a_part_of_their_name(client: FlaskClient):
    assert names(client, name="jfk") == ["JFK Airport"]
    assert names(client, name="NEWARK") == ["Newark Airport"]
    assert "Midtown Center" in names(client, name="midtown")
    assert names(client, name="Atlantis") == []


def test_zones_are_found_by_their_borough(client: FlaskClient):
    assert names(client, borough="EWR") == ["Newark Airport"]
    assert names(client, borough="Queens", name="airport") == ["JFK Airport", "LaGuardia Airport"]
    found = [len(names(client, borough=borough)) for borough in sorted({zone.borough for zone in zones()})]
    assert sum(found) == 265
    assert min(found) >= 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("borough=Boston", "borough"),
        ("borough=queens", "borough"),
        ("name=", "name"),
        ("nmae=jfk", "nmae"),
        ("name=jfk&name=newark", "name"),
    ],
)
def test_a_bad_query_is_named(client: FlaskClient, query: str, field: str):
    problem = assert_problem(client.get(f"/v1/zones?{query}"), 422)
    assert list(problem["errors"]) == [field]


@pytest.mark.parametrize("zone", [zones()[0], zones()[160], zones()[263], zones()[264]], ids=lambda zone: str(zone.id))
def test_a_zone_says_where_it_is(client: FlaskClient, zone):
    answer = client.get(f"/v1/zones/{zone.id}").get_json()
    assert ZoneSchema().validate(answer) == {}
    assert (answer["id"], answer["name"], answer["borough"]) == (zone.id, zone.name, zone.borough)
    assert answer["centroid"] == (None if zone.lon is None else {"lon": zone.lon, "lat": zone.lat})


@pytest.mark.parametrize("id", ["0", "266", "99999999999999999999", "-1", "jfk", "1.5"])
def test_a_zone_that_is_not_there_is_not_found(client: FlaskClient, id: str):
    assert_problem(client.get(f"/v1/zones/{id}"), 404)


def test_a_map_gets_geojson(client: FlaskClient):
    response = client.get("/v1/zones", headers=GEOJSON, query_string={"borough": "Unknown"})
    assert response.content_type == "application/geo+json"
    assert response.headers["Vary"] == "Accept"
    assert ZoneCollectionSchema().validate(response.get_json()) == {}
    assert [feature["geometry"] for feature in response.get_json()["features"]] == [None, None]

    one = client.get("/v1/zones/161", headers=GEOJSON)
    assert ZoneFeatureSchema().validate(one.get_json()) == {}
    lon, lat = one.get_json()["geometry"]["coordinates"]
    assert -74.3 < lon < -73.7
    assert 40.4 < lat < 41.0


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("application/geo+json;q=0.5, application/json", "application/json"),
        ("application/geo+json, application/json;q=0.9", "application/geo+json"),
    ],
)
def test_the_client_chooses_the_media_type(client: FlaskClient, accept: str, media_type: str):
    response = client.get("/v1/zones/1", headers={"Accept": accept})
    assert response.content_type == media_type
    assert response.headers["Vary"] == "Accept"
