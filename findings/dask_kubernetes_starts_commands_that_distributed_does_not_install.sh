#!/usr/bin/env bash
# dask-kubernetes: the cluster that it makes starts `dask-scheduler` and `dask-worker`; the distributed that pip installs beside it has neither command.
#
# dask-kubernetes 2026.3.0, distributed 2026.8.0, Python 3.11. A good guess: the arguments that a package generates for its own containers exist in an image
# with the newest versions that this package accepts. distributed has only the subcommands of `dask`: `dask scheduler` and `dask worker`. With the generated
# cluster, no container of such an image can start, though the resource is valid.
# For workers, pass worker_command="dask worker"; the command of the scheduler can only be changed in the result.
#
# Output seen:
#   scheduler  dask-scheduler  not installed
#   worker     dask-worker     not installed
#   dask scheduler, dask worker: exit 0
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'dask-kubernetes==2026.3.0' 'dask==2026.8.0' 'distributed==2026.8.0'
cd "$folder"

{
  venv/bin/python - <<'PY'
from pathlib import Path

from dask_kubernetes.operator import make_cluster_spec

spec = make_cluster_spec("x", n_workers=1)["spec"]
for role in ("scheduler", "worker"):
    command = spec[role]["spec"]["containers"][0]["args"][0]
    print(f"{role:9}  {command:14}  {'installed' if Path('venv/bin', command).exists() else 'not installed'}")
PY
  venv/bin/dask scheduler --help > help && venv/bin/dask worker --help > help && echo "dask scheduler, dask worker: exit 0"
} 2> errors | tee output
cat > expected <<'OUT'
scheduler  dask-scheduler  not installed
worker     dask-worker     not installed
dask scheduler, dask worker: exit 0
OUT
diff expected output
