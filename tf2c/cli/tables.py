"""What commands print for people: one table each."""

from collections.abc import Sequence
from math import inf, log10
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from tf2c.api import Artifact
    from tf2c.boards import Board
    from tf2c.gate import LayerLoss
    from tf2c.learning.inq import Outcome
    from tf2c.passes.pipeline import PassReport
    from tf2c.survey import Survey

UNKNOWN = "-"

NO_NOISE = 1e-20

BAR = 30
"""Characters of the longest bar."""


def passes(reports: Sequence["PassReport"]) -> Table:
    """Every pass with its time, and what the check of its contract found."""
    table = Table(title="passes")
    table.add_column("pass")
    table.add_column("milliseconds", justify="right")
    checked = any(report.finding is not None for report in reports)
    if checked:
        table.add_column("contract, checked")
    for report in reports:
        cells = [report.name, f"{1000 * report.seconds:.1f}"]
        table.add_row(*cells, *([report.finding or ""] if checked else []))
    return table


def accuracy(measured: dict[str, Any]) -> Table:
    """Accuracy at each stage where results change."""
    if "held_out" in measured:
        held_out = measured["held_out"]
        table = Table(title=f"measured on {held_out['images']} calibration images, held out")
        table.add_column("agrees with float %", justify="right")
        table.add_row(f"{held_out['agreement']:.2f}")
        return table
    table = Table(title=f"measured on {measured['images']} images")
    for column in ("network", "top-1 %", "top-5 %", "agrees with float %"):
        table.add_column(column, justify="left" if column == "network" else "right")
    for name, figures in measured.items():
        if isinstance(figures, dict):
            keys = ("top1", "top5", "agreement")
            table.add_row(name, *(f"{figures[key]:.2f}" for key in keys))
    return table


def mixture(chosen: dict[str, Any]) -> Table:
    """Which layers have two terms, and what other numbers of terms are estimated to come to."""
    layers = [each["name"] for each in chosen["layers"]]
    two = [name for name, each in zip(layers, chosen["layers"], strict=True) if each["terms"] == 2]
    table = Table(
        title=f"{chosen['terms_per_mac']:.2f} terms per multiplication: two in {len(two)} of "
        f"{len(layers)} layers"
    )
    table.add_column("terms per multiplication", justify="right")
    table.add_column("estimated noise of the results, dB", justify="right")
    table.add_column("")
    points = chosen["estimated_curve"]
    levels = [10 * log10(max(point["noise"], NO_NOISE)) for point in points]
    for point, level in zip(points, levels, strict=True):
        length = round(BAR * (level - min(levels)) / max(max(levels) - min(levels), 1e-9))
        table.add_row(f"{point['terms']:.2f}", f"{level:.1f}", "#" * length)
    return table


def layer_losses(layers: Sequence["LayerLoss"]) -> Table:
    """Each layer's part in what a network loses."""
    table = Table(title="parts in the loss, each layer rounded alone")
    table.add_column("layer")
    for column in ("SQNR, dB", "weights %", "storage %"):
        table.add_column(column, justify="right")
    table.add_column("what would help")
    for each in layers:
        sqnr = UNKNOWN if each.sqnr is None else f"{each.sqnr:.1f}"
        shares = (f"{each.weights_share:.1f}", f"{each.storage_share:.1f}")
        table.add_row(escape(each.layer), sqnr, *shares, escape(each.remedy))
    return table


def retraining(outcome: "Outcome", compared: str) -> Table:
    """How every round went, on the training images.

    Args:
        outcome: of retraining.
        compared: what the percentage of right classes is called.
    """
    original = outcome.original
    table = Table(
        title=f"on the training images; float: loss {original.loss:.4f}, "
        f"{compared} {original.accuracy:.2f} %"
    )
    columns = ("rounded %", "loss before", "loss after", f"{compared} % before", "% after")
    for column in columns:
        table.add_column(column, justify="right")
    for each in outcome.rounds:
        losses = (f"{each.before.loss:.4f}", f"{each.after.loss:.4f}")
        accuracies = (f"{each.before.accuracy:.2f}", f"{each.after.accuracy:.2f}")
        table.add_row(f"{100 * each.share:.0f}", *losses, *accuracies)
    return table


def engine(layers: Sequence[dict[str, Any]]) -> Table:
    """What each job takes of an image that follows another: expected, not measured."""
    table = Table(
        title="expected iterations of the engine for each further image (a model, not measured)"
    )
    awaited = ("features_awaited", "transfers_awaited", "weights_awaited", "room_awaited")
    columns = ("layer", "iterations", "lanes used %", "split", *awaited)
    for column in columns:
        justify = "left" if column == "layer" else "right"
        table.add_column(column.replace("_", " "), justify=justify)
    for each in layers:
        used, waits = 100 * each["lanes_used"], [str(each[name] or "") for name in awaited]
        # Layers of exporters have brackets in their names, which rich would read as markup.
        row = (
            escape(each["layer"]),
            str(each["iterations"]),
            f"{used:.1f}",
            ", ".join(map(str, each["split"])),
        )
        table.add_row(*row, *waits)
    table.add_section()
    together = sum(each["iterations"] for each in layers)
    used = 100 * sum(each["iterations"] * each["lanes_used"] for each in layers) / together
    waits = [str(sum(each[name] for each in layers)) for name in awaited]
    table.add_row("all", str(together), f"{used:.1f}", "", *waits)
    return table


def artifact(compiled: "Artifact") -> Table:
    """What was written."""
    table = Table(title=f"wrote {compiled.path}")
    table.add_column("file")
    table.add_column("bytes", justify="right")
    manifest = compiled.manifest
    shown = [name for name in manifest.files if not name.endswith(".npy")]
    for name in ["manifest.json", *shown]:
        table.add_row(name, str((compiled.path / name).stat().st_size))
    blobs = [name for name in manifest.files if name.endswith(".npy")]
    if blobs:
        size = sum((compiled.path / name).stat().st_size for name in blobs)
        table.add_row(f"ir/weights/ ({len(blobs)} blobs)", str(size))
    return table


def evaluation(result: dict[str, Any]) -> Table:
    """Accuracy of one network by one executor."""
    table = Table()
    table.add_column("executor")
    cells = {
        "images": f"{result['n']}",
        "top-1 %": f"{result['top1']:.2f}",
        "top-5 %": f"{result['top5']:.2f}",
    }
    if "agreement" in result:
        cells["agrees with float %"] = f"{result['agreement']:.2f}"
    cells["seconds"] = f"{result['seconds']:.2f}"
    for column in cells:
        table.add_column(column, justify="right")
    table.add_row(result["executor"], *cells.values())
    return table


def assignments(layers: dict[str, Any], executor: str) -> str:
    """Who did how many steps, in one line."""
    if layers["run"] == layers["steps"]:
        return f"{executor} ran all {layers['steps']} steps"
    others = sorted({each["executor"] for each in layers["others"]}, reverse=True)
    return (
        f"{executor} ran {layers['run']} of {layers['steps']} steps, {' and '.join(others)} the "
        "others"
    )


def trace(traced: dict[str, Any]) -> Table:
    """How far int8 and shift are from float, by layer; the worst in red."""
    others = traced["stages"][1:]
    table = Table(title=f"signal to quantization noise, {traced['images']} images")
    table.add_column("layer", overflow="fold")
    for name in others:
        table.add_column(f"SQNR {name}, dB", justify="right")
    table.add_column(f"saturated in {others[-1]}, %", justify="right")
    ratios = [
        [_sqnr(each["differences"].get(f"float-{name}")) for name in others]
        for each in traced["layers"]
    ]
    least = sorted(min(row) for row in ratios)[: max(len(ratios) // 10, 1)]
    for each, row in zip(traced["layers"], ratios, strict=True):
        share = each["values"].get(others[-1], {}).get("saturated")
        table.add_row(
            escape(each["layer"]),
            *(UNKNOWN if ratio == inf else f"{ratio:.1f}" for ratio in row),
            UNKNOWN if share is None else f"{share:.2f}",
            style="red" if min(row) < inf and min(row) in least else None,
        )
    return table


def _sqnr(difference: dict[str, Any] | None) -> float:
    ratio = None if difference is None else difference["sqnr"]
    return inf if ratio is None else ratio


def survey(found: "Survey") -> Table:
    """What becomes of every layer."""
    table = Table(title=f"looked at down to {found.stage}")
    for column in ("layer", "op", "verdict", "as, or why"):
        table.add_column(column, overflow="fold")
    for each in found.layers:
        why = [", ".join(each.runs_as) or each.reason or ""]
        if each.remedy is not None and each.verdict == "refused":
            why.append(f"remedy: {each.remedy}")
        style = "red" if each.verdict == "refused" else None
        # Layers of exporters have brackets in their names, which rich would read as markup.
        table.add_row(
            escape(each.layer), each.op_type, each.verdict, escape("\n".join(why)), style=style
        )
    return table


def run(facts: dict[str, Any]) -> Table:
    """What ran where, and what the comparison found."""
    table = Table(show_header=False)
    table.add_row("device", facts["device"])
    table.add_row("images", str(facts["images"]))
    loaded = facts["loaded"]
    table.add_row("network loaded", f"{loaded['bytes']} bytes in {1e3 * loaded['seconds']:.1f} ms")
    table.add_row("seconds", f"{facts['seconds']:.2f}")
    if "elements" in facts:
        found = f"{facts['differences']} of {facts['elements']} elements differ"
        table.add_row("compared with the simulator", found)
    for kernel, count in facts["iterations"].items():
        table.add_row(f"loop iterations of {kernel}", str(count))
    if "output" in facts:
        table.add_row("wrote", facts["output"])
    return table


def boards(known: Sequence["Board"]) -> Table:
    """Every board and what its sources state."""
    table = Table(title="boards (a .toml file of your own works like these)")
    for column in ("name", "card", "device", "ALMs", "DSPs", "M20Ks", "DDR", "PCIe"):
        table.add_column(column, justify="right" if column in ("ALMs", "DSPs", "M20Ks") else "left")
    for board in known:
        memory = UNKNOWN
        if board.ddr_banks is not None and board.ddr_bank_gigabytes is not None:
            memory = f"{board.ddr_banks} x {board.ddr_bank_gigabytes} GB"
        table.add_row(
            board.name,
            board.card,
            board.device,
            str(board.alms),
            str(board.dsps),
            str(board.m20ks),
            memory,
            board.pcie or UNKNOWN,
        )
    return table
