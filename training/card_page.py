"""The model card as one HTML page with its plots inside, to be opened or mailed as it is."""

import base64
import io
from collections.abc import Mapping
from html import escape

from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from taxi_api.model.bundle import CARD, Bundle

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
table {{ border-collapse: collapse; margin: 1rem 0; }}
th, td {{ border-bottom: 1px solid #ccc; padding: .25rem .75rem; text-align: left; }}
figure {{ display: inline-block; margin: 1rem 0; max-width: 100%; }}
img {{ max-width: 100%; }}
</style>
</head>
<body>
{body}
{plots}
</body>
</html>
"""


def card_page(bundle: Bundle, figures: Mapping[str, Figure]) -> str:
    """Return the bundle's card as HTML, followed by the figures, name -> figure; it refers to no other file or host."""
    body = MarkdownIt("commonmark").enable("table").render((bundle.path / CARD).read_text())
    plots = "\n".join(_plot(name.replace("_", " "), figure) for name, figure in figures.items())
    return _PAGE.format(
        title=escape(f"{bundle.name} {bundle.version}"), body=body, plots=f"<h2>Plots</h2>\n{plots}" if plots else ""
    )


def _plot(title: str, figure: Figure) -> str:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    data = base64.b64encode(picture.getvalue()).decode()
    return f'<figure><img src="data:image/png;base64,{data}" alt="{escape(title)}"></figure>'
