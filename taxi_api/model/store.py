"""From MODEL_URI to a bundle that may serve."""

from pathlib import Path

from taxi_api.model.bundle import BundleError, load_bundle
from taxi_api.model.predictor import Predictor

DEFAULT_BUNDLE = Path(__file__).parent / "default"


def load_predictor(uri: str) -> Predictor:
    """Return a predictor for a folder, or for the package's own bundle if ``uri`` is empty.

    Raises BundleError if there is no bundle, or one that must not serve.
    """
    if "://" in uri or uri.startswith("models:"):
        raise BundleError(f"MODEL_URI {uri!r} is not a folder; give the path of a bundle, or leave it empty")
    return Predictor(load_bundle(Path(uri) if uri else DEFAULT_BUNDLE))
