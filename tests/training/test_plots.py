"""What the pictures are made of; what they look like is for people."""

from pathlib import Path

import numpy as np

from taxi_api.model.bundle import load_bundle
from taxi_api.model.predictor import Predictor
from tests.training.test_zones import Polygon, square, write_polygons
from training.export import Trained
from training.plots import draw
from training.trips import load_trips

EVERY = {
    "predicted_against_actual",
    "error_by_hour",
    "error_by_distance",
    "coverage",
    "permutation_importance",
}


def test_zones_are_drawn_where_their_polygons_are(trained: tuple[Trained, Path], city: Path, tmp_path: Path):
    predictor, trips = Predictor(load_bundle(trained[1])), load_trips(city)[0].head(5_000)
    assert set(draw(predictor, trips, tmp_path)) == EVERY

    busy, quiet = trips["pickup_zone"].value_counts(sort=True)["pickup_zone"].to_list()[0], 1
    polygons = write_polygons(tmp_path, [Polygon(zone, [square(0, 0, 1000)]) for zone in (busy, quiet)])
    (tmp_path / "zones").mkdir()
    polygons.rename(tmp_path / "zones" / "taxi_zones.zip")

    figures = draw(predictor, trips, tmp_path)

    assert set(figures) == EVERY | {"error_by_zone"}
    (drawn,) = figures["error_by_zone"].axes[0].collections
    shown, pale = drawn.get_array()
    assert shown > 0
    assert pale is np.ma.masked
