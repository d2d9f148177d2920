"""`make simulation`: 4,000 studies of every scenario; prints the table and writes reports/bench/simulation.json."""

import json
from dataclasses import asdict

from simulation.studies import SCENARIOS, coverage, decided

from fer_lib import paths

STUDIES = 4000


def main() -> None:
    """Takes about half an hour of a core."""
    rows = []
    for scenario in SCENARIOS:
        row = {**asdict(scenario), **coverage(scenario, studies=STUDIES)}
        if scenario.overlap == 0 or scenario.correlation == 0.2:
            for boundary, name in (
                (False, "decided wrongly, at most"),
                (True, "holds wrongly at its boundary, at most"),
            ):
                row[name] = max(decided(scenario, studies=STUDIES, boundary=boundary).values())
        print(
            json.dumps({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}),
            flush=True,
        )
        rows.append(row)
    path = paths.project_root() / "reports" / "bench" / "simulation.json"
    path.write_text(json.dumps({"studies": STUDIES, "scenarios": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
