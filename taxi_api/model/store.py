"""From MODEL_URI to a bundle that may serve."""

import os
import tempfile
from pathlib import Path

from taxi_api.model.bundle import BundleError, load_bundle
from taxi_api.model.predictor import Predictor
from taxi_api.model.sources import Source

DEFAULT_BUNDLE = Path(__file__).parent / "default"


def load_predictor(uri: str) -> Predictor:
    """Return a predictor for a folder, or for the package's own bundle if ``uri`` is empty.

    Raises BundleError if there is no bundle, or one that must not serve.
    """
    return Predictor(load_bundle(Path(uri) if uri else DEFAULT_BUNDLE))


def is_remote(uri: str) -> bool:
    """Tell whether bundles have to be fetched from a server, which may be down when the service starts."""
    return "://" in uri or uri.startswith("models:")


def source_of(uri: str, tracking_uri: str = "", cache: str = "") -> Source:
    """Return the place that a URI names.

    Args:
        uri: a folder, ``models:/name@alias``, ``models:/name/3`` or ``s3://bucket/prefix``.
        tracking_uri: MLflow's address.
        cache: folder for fetched bundles, by default one of this user's below the system's temporary folder.

    Raises:
        BundleError: the URI, or what else it needs, cannot be used.

    """
    # Imported here, because most starts need none or one of these, and what they import takes as long as Flask.
    from taxi_api.model.sources.cached import Cached  # noqa: PLC0415

    folder = Path(cache) if cache else _own_cache()
    if not is_remote(uri):
        from taxi_api.model.sources.folder import FolderSource  # noqa: PLC0415

        # A worker that is replaced while the folder has a bad bundle needs the one that served, too.
        return Cached(FolderSource(Path(uri)), folder, f"folder {Path(uri).absolute()}")
    if not uri.startswith(("models:", "s3:")):
        raise BundleError(f"MODEL_URI {uri!r} is no folder, and not models:/name@alias, models:/name/version or s3://…")
    from taxi_api.model.sources.registry import RegistrySource  # noqa: PLC0415
    from taxi_api.model.sources.s3 import S3Source  # noqa: PLC0415

    remote: S3Source | RegistrySource = S3Source(uri) if uri.startswith("s3:") else RegistrySource(uri, tracking_uri)
    return Cached(remote, folder, f"{remote.server} {uri}")


def _own_cache() -> Path:
    folder = Path(tempfile.gettempdir()) / f"taxi-models-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        mine = not folder.is_symlink() and folder.stat().st_uid == os.getuid()
    except OSError:
        return folder
    if not mine:
        # Whoever owns it could choose the model that serves.
        raise BundleError(f"model cache {folder} belongs to somebody else; set TAXI_MODEL_CACHE")
    return folder
