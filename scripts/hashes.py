"""Write the hashes that ``vae-np reproduce`` compares with: vae_np/reproduction/hashes.json.

    python scripts/hashes.py

They change with the version, and only where what a step computes was changed on purpose. Prints the cases whose hashes
are others than before, with the first stage that differs.
"""

import json
import sys
from pathlib import Path

from vae_np.reproduction import comparison
from vae_np.reproduction.cases import CASES
from vae_np.reproduction.hashing import hashes
from vae_np.support.files import write_atomic

FILE = Path(comparison.__file__).with_name("hashes.json")


def main() -> int:
    before = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    found = {name: hashes(case) for name, case in CASES.items()}
    write_atomic(FILE, (json.dumps(found, indent=0) + "\n").encode())
    changed = {name: comparison.first_difference(h, before.get(name, {"": ""})) for name, h in found.items()}
    for name, stage in changed.items():
        if stage is not None:
            print(f"{name}: {stage or 'new'}")
    print(f"{len(found)} cases, {sum(stage is not None for stage in changed.values())} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
