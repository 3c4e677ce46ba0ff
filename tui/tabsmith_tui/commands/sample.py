"""The whole main job on the built-in sample, in plain lines: what `tabsmith` does off a terminal."""

from typing import Final

from tabsmith import config
from tabsmith.runs.spec import Detect, Limits, ModelChoice
from tabsmith.tables.sources import SampleSource
from tabsmith_tui.commands.output import say
from tabsmith_tui.commands.train import follow, start

MOST_SECONDS: Final = 20.0


def run_sample() -> int:
    """Train on the sample, print the report; returns the exit status."""
    say("No terminal here: training on the built-in sample `breast_cancer`. `tabsmith --help` lists the commands.")
    training = config.load().training
    choice = ModelChoice(limits=Limits(seconds=min(MOST_SECONDS, training.time)), cores=training.cores)
    return follow(start(SampleSource("breast_cancer"), Detect(), choice), as_json=False)
