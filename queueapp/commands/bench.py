"""`python -m queueapp bench NAME`: the product's own measurements."""

import click

from queueapp.commands.bench_board import board
from queueapp.commands.bench_forecast import command as forecast
from queueapp.commands.bench_live import command as live
from queueapp.commands.bench_promises import command as promises
from queueapp.commands.bench_writes import calls, checkin


@click.group()
def group() -> None:
    """Measure the product beside a floor, as JSON."""


group.add_command(board, "board")
group.add_command(calls, "calls")
group.add_command(checkin, "checkin")
group.add_command(forecast, "forecast")
group.add_command(live, "live")
group.add_command(promises, "promises")
