"""The zone table: centroids of known shapes, TLC's own mistakes, and the table that the service carries."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import shapefile
from pyproj import CRS, Transformer

from taxi_api.model.zones import Zone
from training.errors import TrainingError
from training.zones import build_zones, write_zones

COMMITTED = Path(__file__).parents[2] / "taxi_api" / "model" / "zones.csv"
HEADING = ["LocationID", "Borough", "Zone", "service_zone"]
FEET = CRS.from_epsg(2263)
DECIMALS = 4
# The corner of every test shape, in feet: in the middle of Manhattan, where the numbers are as large as the real ones.
EAST, NORTH = 990_000.0, 210_000.0

Ring = list[tuple[float, float]]


class Polygon(NamedTuple):
    id: int
    rings: list[Ring]
    name: str = ""
    location: int = 0


def square(x: float, y: float, side: float) -> Ring:
    """Clockwise, as the shapefile format wants an outer ring."""
    ring = [(0.0, 0.0), (0.0, side), (side, side), (side, 0.0), (0.0, 0.0)]
    return [(EAST + x + dx, NORTH + y + dy) for dx, dy in ring]


def hole(x: float, y: float, side: float) -> Ring:
    return square(x, y, side)[::-1]


def degrees(x: float, y: float) -> tuple[float, float]:
    lon, lat = Transformer.from_crs(FEET, 4326, always_xy=True).transform(EAST + x, NORTH + y)
    return round(lon, DECIMALS), round(lat, DECIMALS)


def lookup_rows() -> list[list[str]]:
    known = [[str(number), "Queens", f"Zone {number}", "Boro Zone"] for number in range(1, 264)]
    return [*known, ["264", "Unknown", "NV", "N/A"], ["265", "N/A", "Outside of NYC", "N/A"]]


def write_lookup(folder: Path, rows: list[list[str]], heading: list[str] = HEADING) -> Path:
    path = folder / "lookup.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([heading, *rows])
    return path


def write_polygons(
    folder: Path,
    polygons: list[Polygon],
    kind: int = shapefile.POLYGON,
    fields: tuple[str, ...] = ("OBJECTID", "zone", "LocationID"),
    without: str = "",
) -> Path:
    parts = {suffix: io.BytesIO() for suffix in ("shp", "shx", "dbf")}
    with shapefile.Writer(shapeType=kind, **parts) as writer:
        for field in fields:
            writer.field(field, "C" if field == "zone" else "N", size=60 if field == "zone" else 9)
        for polygon in polygons:
            if kind == shapefile.POINT:
                writer.point(*polygon.rings[0][0])
            elif polygon.rings:
                writer.poly(polygon.rings)
            else:
                writer.null()
            values = {
                "OBJECTID": polygon.id,
                "zone": polygon.name or f"Zone {polygon.id}",
                "LocationID": polygon.location or polygon.id,
            }
            writer.record(*(values[field] for field in fields))
    contents = {suffix: part.getvalue() for suffix, part in parts.items()}
    contents["prj"] = FEET.to_wkt("WKT1_ESRI").encode()
    path = folder / "polygons.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for suffix, content in contents.items():
            if suffix != without:
                archive.writestr(f"taxi_zones/taxi_zones.{suffix}", content)
                archive.writestr(f"__MACOSX/taxi_zones/._taxi_zones.{suffix}", b"shadow")
    return path


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., dict[int, Zone]]:
    def built(*polygons: Polygon) -> dict[int, Zone]:
        zones = build_zones(write_lookup(tmp_path, lookup_rows()), write_polygons(tmp_path, list(polygons)))
        return {zone.id: zone for zone in zones}

    return built


Build = Callable[..., dict[int, Zone]]


def place(zone: Zone) -> tuple[float | None, float | None]:
    return zone.lon, zone.lat


def test_a_square_has_its_centroid_in_the_middle(build: Build) -> None:
    assert place(build(Polygon(7, [square(0, 0, 6000)]))[7]) == degrees(3000, 3000)


def test_the_centroid_is_of_the_area_and_not_of_the_corners(build: Build) -> None:
    # A square of which one edge is drawn with many points: their mean lies close to that edge.
    ring = square(0, 0, 6000)
    edge = [(EAST, NORTH + y) for y in range(0, 6000, 100)]
    assert place(build(Polygon(7, [[*edge, *ring[1:]]]))[7]) == degrees(3000, 3000)


def test_a_hole_is_taken_out(build: Build) -> None:
    # 12,000 feet wide, without the 6,000-foot square in its south-west: the rest is an L.
    # (144 * 6,000 - 36 * 3,000) / (144 - 36) = 7,000
    assert place(build(Polygon(7, [square(0, 0, 12_000), hole(0, 0, 6000)]))[7]) == degrees(7000, 7000)


def test_islands_count_by_their_area(build: Build) -> None:
    # Areas 36 and 4, middles 3,000 and 31,000: (36 * 3,000 + 4 * 31,000) / 40 = 5,800
    islands = [square(0, 0, 6000), square(30_000, 30_000, 2000)]
    assert place(build(Polygon(7, islands))[7]) == degrees(5800, 5800)


def test_every_polygon_keeps_its_own_id_where_location_id_repeats(build: Build) -> None:
    zones = build(
        Polygon(56, [square(0, 0, 6000)], location=56),
        Polygon(57, [square(30_000, 0, 2000)], location=56),
    )
    assert place(zones[56]) == degrees(3000, 3000)
    assert place(zones[57]) == degrees(31_000, 1000)


def test_all_zones_come_out_in_order_and_those_without_a_polygon_without_a_place(tmp_path: Path) -> None:
    lookup = write_lookup(tmp_path, lookup_rows()[::-1])
    polygons = write_polygons(
        tmp_path, [Polygon(9, [square(0, 0, 6000)]), Polygon(8, []), Polygon(3, [square(0, 0, 1)])]
    )
    zones = build_zones(lookup, polygons)
    assert [zone.id for zone in zones] == list(range(1, 266))
    assert [zone.id for zone in zones if zone.lon is not None and zone.lat is not None] == [3, 9]


def test_tlc_words_stay_except_that_the_borough_of_no_place_is_unknown(build: Build) -> None:
    zones = build(Polygon(7, [square(0, 0, 6000)]))
    assert zones[7][:4] == (7, "Queens", "Zone 7", "Boro Zone")
    assert zones[264] == Zone(264, "Unknown", "NV", "N/A", None, None)
    assert zones[265] == Zone(265, "Unknown", "Outside of NYC", "N/A", None, None)


def test_a_written_table_reads_back(tmp_path: Path) -> None:
    zones = [
        Zone(1, "Queens", 'One, the "first"', "Boro Zone", -73.95, 40.75),
        Zone(2, "Unknown", "NV", "N/A", None, None),
    ]
    out = tmp_path / "zones.csv"
    out.write_text("an older table", encoding="utf-8")
    write_zones(zones, out)
    assert out.read_bytes() == (
        b"LocationID,Borough,Zone,service_zone,lon,lat\n"
        b'1,Queens,"One, the ""first""",Boro Zone,-73.95,40.75\n'
        b"2,Unknown,NV,N/A,,\n"
    )
    assert list(tmp_path.iterdir()) == [out]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    out = tmp_path / "no" / "zones.csv"
    with pytest.raises(TrainingError, match=r"zones\.csv cannot be written"):
        write_zones([], out)


def swapped(rows: list[list[str]], row: int, column: int, text: str) -> list[list[str]]:
    rows[row][column] = text
    return rows


@pytest.mark.parametrize(
    ("rows", "heading", "message"),
    [
        (lookup_rows()[:-1], HEADING, "lists 265 0 times"),
        (swapped(lookup_rows(), 4, 0, "4"), HEADING, "lists 4 2 times, 5 0 times"),
        ([*lookup_rows(), lookup_rows()[0]], HEADING, "lists 1 2 times"),
        (swapped(lookup_rows(), 0, 0, "0"), HEADING, "line 2 has the id '0'"),
        (swapped(lookup_rows(), 264, 0, "266"), HEADING, "line 266 has the id '266'"),
        (swapped(lookup_rows(), 1, 0, "two"), HEADING, "line 3 has the id 'two'"),
        (lookup_rows(), [*HEADING[:3], "zone_type"], "has no column service_zone"),
        ([["1", "Queens"], *lookup_rows()[1:]], HEADING, "line 2 has more or fewer fields"),
        ([[*lookup_rows()[0], "x"], *lookup_rows()[1:]], HEADING, "line 2 has more or fewer fields"),
    ],
)
def test_a_wrong_lookup_table_is_refused(
    tmp_path: Path, rows: list[list[str]], heading: list[str], message: str
) -> None:
    polygons = write_polygons(tmp_path, [Polygon(7, [square(0, 0, 6000)])])
    with pytest.raises(TrainingError, match=rf"lookup\.csv.*{message}"):
        build_zones(write_lookup(tmp_path, rows, heading), polygons)


def test_a_lookup_table_in_another_encoding_is_refused(tmp_path: Path) -> None:
    lookup = tmp_path / "lookup.csv"
    lookup.write_bytes("LocationID,Borough,Zone,service_zone\n1,é,a,b\n".encode("latin-1"))
    with pytest.raises(TrainingError, match=r"lookup\.csv is not a CSV file"):
        build_zones(lookup, write_polygons(tmp_path, []))


def test_a_byte_order_mark_is_no_part_of_the_heading(tmp_path: Path) -> None:
    lookup = write_lookup(tmp_path, lookup_rows())
    lookup.write_bytes(b"\xef\xbb\xbf" + lookup.read_bytes())
    assert len(build_zones(lookup, write_polygons(tmp_path, []))) == 265


@pytest.mark.parametrize("gone", ["lookup.csv", "polygons.zip"])
def test_a_missing_file_is_named(tmp_path: Path, gone: str) -> None:
    lookup, polygons = write_lookup(tmp_path, lookup_rows()), write_polygons(tmp_path, [])
    (tmp_path / gone).unlink()
    with pytest.raises(TrainingError, match=rf"{gone} cannot be read \(No such file"):
        build_zones(lookup, polygons)


@pytest.mark.parametrize("suffix", ["shp", "dbf", "prj"])
def test_an_archive_without_a_part_of_the_shapefile_is_refused(tmp_path: Path, suffix: str) -> None:
    polygons = write_polygons(tmp_path, [Polygon(7, [square(0, 0, 6000)])], without=suffix)
    with pytest.raises(TrainingError, match=rf"polygons\.zip holds no \.{suffix};"):
        build_zones(write_lookup(tmp_path, lookup_rows()), polygons)


def damaged_archives(good: bytes) -> Iterator[bytes]:
    yield b"no archive"
    yield good[: len(good) // 2]
    yield good.replace(b"NAD_1983", b"NAD_1984", 1)


@pytest.mark.parametrize("which", range(3), ids=["not a zip", "cut short", "altered inside"])
def test_a_damaged_archive_is_refused(tmp_path: Path, which: int) -> None:
    polygons = write_polygons(tmp_path, [Polygon(7, [square(0, 0, 6000)])])
    polygons.write_bytes(list(damaged_archives(polygons.read_bytes()))[which])
    with pytest.raises(TrainingError, match=r"polygons\.zip is damaged or no zipped shapefile"):
        build_zones(write_lookup(tmp_path, lookup_rows()), polygons)


@pytest.mark.parametrize(
    ("options", "polygons", "message"),
    [
        ({"fields": ("zone", "LocationID")}, [Polygon(7, [square(0, 0, 60)])], "holds no field OBJECTID"),
        ({"fields": ("OBJECTID", "LocationID")}, [Polygon(7, [square(0, 0, 60)])], "holds no field zone"),
        ({"kind": shapefile.POINT}, [Polygon(7, [square(0, 0, 60)])], "shapes of type POINT"),
        ({}, [Polygon(7, [[(EAST, NORTH), (EAST, NORTH + 9), (EAST, NORTH)]])], "zone 7 has no area"),
        ({}, [Polygon(7, [square(0, 0, 60)]), Polygon(7, [square(90, 0, 60)])], "OBJECTID 7 stands twice"),
        ({}, [Polygon(7, [square(0, 0, 60)], name="Zone 8")], "calls zone 7 'Zone 8' but .*lookup.csv does not"),
        ({}, [Polygon(300, [square(0, 0, 60)])], "calls zone 300 'Zone 300' but .*lookup.csv does not"),
    ],
)
def test_polygons_that_do_not_fit_are_refused(
    tmp_path: Path, options: dict[str, Any], polygons: list[Polygon], message: str
) -> None:
    path = write_polygons(tmp_path, polygons, **options)
    with pytest.raises(TrainingError, match=message):
        build_zones(write_lookup(tmp_path, lookup_rows()), path)


@pytest.fixture
def tlc(real_data: Path) -> Path:
    """The folder of TLC's own zone files."""
    folder = real_data / "zones"
    if not (folder / "taxi_zones.zip").exists():
        pytest.skip(f"no zone files of TLC: {folder} does not hold them")
    return folder


def test_the_committed_table_is_what_the_builder_makes_of_the_files_of_tlc(tlc: Path, tmp_path: Path) -> None:
    out = tmp_path / "zones.csv"
    write_zones(build_zones(tlc / "taxi_zone_lookup.csv", tlc / "taxi_zones.zip"), out)
    assert out.read_bytes() == COMMITTED.read_bytes()


def test_the_committed_centroids_agree_with_those_computed_elsewhere(tlc: Path) -> None:
    if not (tlc / "zone_centroids.csv").exists():
        pytest.skip("no zone_centroids.csv to compare with")
    with (tlc / "zone_centroids.csv").open(encoding="utf-8", newline="") as file:
        expected = {row["LocationID"]: (float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)}
    with COMMITTED.open(encoding="utf-8", newline="") as file:
        committed = {
            row["LocationID"]: (float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file) if row["lon"]
        }
    assert committed.keys() == expected.keys()
    for number, centroid in expected.items():
        assert committed[number] == pytest.approx(centroid, abs=0.5 * 10**-DECIMALS + 1e-9, rel=0), number
