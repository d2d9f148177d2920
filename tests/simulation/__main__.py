"""`make simulation`: 4,000 studies of every scenario; prints the table and writes reports/bench/simulation.json.

The file grows by a scenario at a time, and a later call goes on where it was stopped.
"""

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict

from simulation.studies import SCENARIOS, Scenario, coverage, decided

from fer_lib import paths
from fer_lib.training.machine import cores

STUDIES = 4000


def measured(scenario: Scenario) -> dict[str, object]:
    """How often intervals and verdicts are right in a scenario."""
    row = {**asdict(scenario), **coverage(scenario, studies=STUDIES)}
    if scenario.overlap == 0 or scenario.correlation == 0.2:
        row["decided wrongly, at most"] = max(decided(scenario, studies=STUDIES).values())
        row["holds wrongly at its boundary, at most"] = max(decided(scenario, studies=STUDIES, boundary=True).values())
    return row


def main() -> None:
    """Takes about an hour of a core; every core takes scenarios of its own."""
    path = paths.project_root() / "reports" / "bench" / "simulation.json"
    rows = json.loads(path.read_text())["scenarios"] if path.is_file() else []
    missing = [one for one in SCENARIOS if not any(asdict(one).items() <= row.items() for row in rows)]
    with ProcessPoolExecutor(cores()) as pool:
        for row in pool.map(measured, missing):
            told = {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
            print(json.dumps(told), flush=True)
            rows.append(told)
            path.write_text(json.dumps({"studies": STUDIES, "scenarios": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
