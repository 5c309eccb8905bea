"""``python -m training``: the offline commands. ``python -m training COMMAND --help`` explains each."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from training import compare as comparing
from training import download as downloading
from training import evaluate as evaluating
from training import pipeline, quality
from training import zones as zone_table
from training.bundles import open_bundle
from training.console import notes, results
from training.errors import TrainingError
from training.months import Month, newest_months
from training.recipe import Recipe

app = typer.Typer(
    help="Download TLC trip records, train a model on them, and export it as a bundle.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command()
def download(
    first: Annotated[str, typer.Option("--from", help="First month, such as 2024-01.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last month, included.")] = "",
    newest: Annotated[
        int | None, typer.Option("--last", min=1, help="Instead of both: so many of the newest months.")
    ] = None,
    colour: Annotated[str, typer.Option(help="green, yellow, or both with a comma.")] = "green,yellow",
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("data"),
    base_url: Annotated[str, typer.Option(help="Where the files are published.")] = downloading.TLC_URL,
) -> None:
    """Fetch TLC's monthly trip records; an interrupted download goes on where it stopped."""
    colours = [name.strip() for name in colour.split(",") if name.strip()]
    if newest is not None and not first and not last:
        span = newest_months(newest)
    elif newest is None and first and last:
        span = Month.parse(first), Month.parse(last)
    else:
        raise TrainingError("give either --from and --to, or --last")
    for fetched in downloading.download(*span, colours, out, base_url):
        results.print(f"{fetched.path}  {fetched.bytes:,} bytes  {fetched.how}")


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="Folder with TLC's files; subfolders are read too.")],
    out: Annotated[Path, typer.Option(help="Folder for the bundle; an older bundle there is replaced.")],
    recipe: Annotated[Path | None, typer.Option(help="A recipe as JSON, such as tune writes.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same data, recipe and seed, same bundle.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="How often the networks see each trip.")] = None,
    track: Annotated[bool, typer.Option(help="Record the run in MLflow (MLFLOW_TRACKING_URI, else mlflow.db).")] = True,
) -> None:
    """Train on a folder of trip records and export a bundle that has proved itself."""
    given: dict[str, Any] = {"seed": seed, "epochs": epochs}
    chosen = replace(
        Recipe() if recipe is None else Recipe.read(recipe),
        **{name: value for name, value in given.items() if value is not None},
    )
    if not track:
        pipeline.train(data, out, chosen)
        return
    # MLflow takes seconds to import; only commands that need it should wait for it.
    from training import recording, tracking  # noqa: PLC0415

    tracking.check()
    pipeline.train(data, out, chosen)
    try:
        recording.record_bundle(open_bundle(out), data)
    except TrainingError as problem:
        raise TrainingError(
            f"{problem}. The bundle {out} is whole, but no run tells of it; once MLflow answers, record it with: "
            f"python -m training register --bundle {out} --data {data}"
        ) from problem


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Option(help="Folder of the bundle.")],
    data: Annotated[Path, typer.Option(help="Folder with TLC's files.")],
    months: Annotated[str, typer.Option(help="Months with commas, such as 2024-08,2024-09; by default all.")] = "",
    out: Annotated[Path | None, typer.Option(help="File for the metrics as JSON.")] = None,
) -> None:
    """Measure a bundle on months of your choice: by colour, borough, hour, distance, pickup zone and known inputs."""
    evaluating.evaluate_bundle(bundle, data, _months(months), out)


@app.command()
def compare(
    champion: Annotated[Path, typer.Option(help="Folder of the bundle that serves.")],
    challenger: Annotated[Path, typer.Option(help="Folder of the bundle that might replace it.")],
    data: Annotated[Path, typer.Option(help="Folder with TLC's files.")],
    months: Annotated[str, typer.Option(help="Months that trained neither, with commas; by default all.")] = "",
) -> None:
    """Hold two bundles against each other on the same trips; exit code 3 if the challenger is worse."""
    if comparing.compare_bundles(champion, challenger, data, _months(months)).verdict == comparing.WORSE:
        raise typer.Exit(3)


@app.command()
def gate(
    bundle: Annotated[Path, typer.Option(help="Folder of the bundle to deploy.")],
    data: Annotated[Path, typer.Option(help="TLC's files, with months later than what trained it.")],
    months: Annotated[str, typer.Option(help="Months with commas; by default all later ones.")] = "",
    deployed: Annotated[Path | None, typer.Option(help="Folder of the bundle that is deployed now.")] = None,
    most_rmse: Annotated[float, typer.Option(help="Highest RMSE in minutes, on trips of 1 to 60 minutes.")] = 5.0,
) -> None:
    """Say whether a bundle may be deployed; exit code 4 if a gate fails."""
    failed = quality.check_bundle(bundle, data, _months(months), most_rmse=most_rmse, deployed=deployed)
    if failed:
        notes.print(f"error: {', '.join(one.name for one in failed)} failed", style="red", markup=False)
        raise typer.Exit(4)


@app.command()
def tune(
    data: Annotated[Path, typer.Option(help="Folder with TLC's files.")],
    out: Annotated[Path, typer.Option(help="File for the best recipe, for train --recipe.")] = Path("recipe.json"),
    study: Annotated[Path, typer.Option(help="File of the study; an older one goes on.")] = Path("study.db"),
    minutes: Annotated[float, typer.Option(min=0, help="When to stop.")] = 60.0,
    trials: Annotated[int | None, typer.Option(min=1, help="Stop after so many trials, too.")] = None,
    most_trips: Annotated[int, typer.Option(min=1000, help="Trips to learn from in each window.")] = 300_000,
) -> None:
    """Search for a better recipe on forecasts of the past; Ctrl-C keeps what was found."""
    from training import tune as tuning  # noqa: PLC0415 - Optuna takes its time

    tuning.tune(data, study, out, seconds=minutes * 60, trials=trials, most_trips=most_trips)


@app.command()
def score(
    bundle: Annotated[Path, typer.Option(help="Folder of the bundle.")],
    data: Annotated[Path, typer.Option(help="A parquet or CSV file of trips, of any size.")],
    out: Annotated[Path, typer.Option(help="The parquet file to write.")],
) -> None:
    """Add durations, intervals and what they rest on to a file of trips."""
    from training.score import score_file  # noqa: PLC0415 - pyarrow takes its time

    score_file(bundle, data, out)


@app.command()
def register(
    bundle: Annotated[Path, typer.Option(help="Folder of the bundle.")],
    data: Annotated[Path | None, typer.Option(help="TLC's files, for the plots of a bundle without a run.")] = None,
) -> None:
    """Make a bundle a version of the registered model taxi-duration, and its challenger."""
    from training import promotion  # noqa: PLC0415

    promotion.register(bundle, data)


@app.command()
def promote(
    data: Annotated[Path, typer.Option(help="TLC's files, with months later than what trained either model.")],
    months: Annotated[str, typer.Option(help="Months with commas; by default all later ones.")] = "",
    force: Annotated[bool, typer.Option(help="Promote although a gate failed; not for parity or coverage.")] = False,
    who: Annotated[str, typer.Option(help="With --force: who answers for it.")] = "",
    why: Annotated[str, typer.Option(help="With --force: the reason.")] = "",
) -> None:
    """Try the challenger at every gate and make it the champion; exit code 4 if a gate fails."""
    from training import promotion  # noqa: PLC0415

    try:
        promotion.promote(data, _months(months), force=force, who=who, why=why)
    except promotion.GateFailedError as problem:
        notes.print(f"error: {problem}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(4) from problem


@app.command()
def rollback(
    who: Annotated[str, typer.Option(help="Who does it.")],
    why: Annotated[str, typer.Option(help="The reason.")],
) -> None:
    """Make the champion's predecessor the champion again."""
    from training import promotion  # noqa: PLC0415

    promotion.rollback(who, why)


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="Folder for the bundle; an older bundle there is replaced.")],
    alias: Annotated[str, typer.Option(help="champion or challenger.")] = "champion",
) -> None:
    """Fetch a registered bundle into a folder."""
    from training import promotion  # noqa: PLC0415

    promotion.export(alias, out)


@app.command()
def card(
    bundle: Annotated[Path, typer.Option(help="Folder of the bundle.")],
    out: Annotated[Path, typer.Option(help="The file: a page if it ends in .html, else Markdown.")],
    data: Annotated[Path | None, typer.Option(help="TLC's files, for plots on the page.")] = None,
) -> None:
    """Write the model card."""
    from training import recording  # noqa: PLC0415

    recording.write_card(bundle, out, data)


def _months(text: str) -> list[Month]:
    return [Month.parse(month.strip()) for month in text.split(",") if month.strip()]


@app.command()
def zones(
    lookup: Annotated[Path, typer.Option(help="TLC's taxi_zone_lookup.csv.")],
    polygons: Annotated[Path, typer.Option(help="TLC's taxi_zones.zip.")],
    out: Annotated[Path, typer.Option(help="The zone table of the service.")] = Path("taxi_api/model/zones.csv"),
) -> None:
    """Build the zone table that the service needs from TLC's lookup and polygons."""
    table = zone_table.build_zones(lookup, polygons)
    zone_table.write_zones(table, out)
    results.print(f"{out}: {len(table)} zones")


def main() -> None:
    """Run a command; a TrainingError is one sentence and exit code 1."""
    try:
        app()
    except TrainingError as problem:
        notes.print(f"error: {problem}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
