"""What a build takes on a cluster: time, money, memory, requests, and what all else waits for."""

from dataclasses import dataclass

from simulation.fit_costs import Costs

from shardmill.format.layout import Field, default_rows_per_shard
from shardmill.raw.work_sizes import DEFAULT_SIZES

# Measured on two shared cores in November 2026, each on one machine (docs/how-to/clusters.md).
TASK_S = {"local": 0.0, "ray": 0.0013, "dask": 0.0039}
# Which part of the time the cores of a machine with as many workers are busy: 0.80 to 0.85 with two
# workers and more than a second of work, while nothing else ran.
BUSY = 0.8
# How often a build reads and writes its raw bytes, measured by the read and write calls of builds
# of 0.3 GB. Large files are read once more, to be scanned.
READ = {"text": 4.44, "images": 2.5, "table": 7.0}
WRITTEN = {"text": 1.89, "images": 1.22, "table": 1.32}
# What the driver holds: for a grain (work_sizes.py), for the record of a Parquet file, which is in
# the manifest, and for that of a shard, which is in a table (ARCHITECTURE.md).
GRAIN_BYTES, PARQUET_BYTES, SHARD_BYTES = 7, 1_056, 50
PARQUET_JSON_BYTES = 195
DRIVER_MIB = 190
# obstore sends a file in parts of 5 MiB, and two requests more.
UPLOAD_BYTES = 5 * 2**20

_FIELDS = {
    "text": (Field.input("int32", ragged=True), Field.target("class", "uint8")),
    "images": (Field.input("uint8", (1, 28, 28)), Field.target("class", "uint8")),
    "table": (Field.input("float32", (32,)), Field.target("class", "uint8")),
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """Machines that build.

    Attributes:
        nodes: How many.
        cores: How many cores each has, each of which runs a task.
        node_bytes_s: The bandwidth of a node to the storage that all share.
        storage_bytes_s: The bandwidth of that storage.
        engine: What hands out tasks: `local`, `ray` or `dask`.
    """

    nodes: int
    cores: int = 32
    node_bytes_s: float = 3.1e9
    storage_bytes_s: float = 100e9
    engine: str = "ray"


@dataclass(frozen=True, slots=True)
class Prices:
    """Examples of November 2026, in dollars. They are those of no vendor in particular.

    Attributes:
        node_hour: For an hour of a node.
        gb_month: For a GB that is kept for a month.
        thousand_puts: For 1,000 requests that write or list.
        thousand_gets: For 1,000 requests that read.
        gb_out: For a GB that leaves the storage.
    """

    node_hour: float = 1.5
    gb_month: float = 0.023
    thousand_puts: float = 0.005
    thousand_gets: float = 0.0004
    gb_out: float = 0.0


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a build takes.

    Attributes:
        seconds: The seconds by what they go to: `compute`, `network`, `tasks`, `driver`. The first
            two happen at the same time, and so do handing out tasks and running them.
        hours: How long it takes.
        dollars: What the nodes cost for so long.
        month_dollars: What the shards and the cleaned rows cost for a month.
        push_dollars: What the requests of a push cost.
        tasks: How many tasks there are.
        parts: How many Parquet files.
        shards: How many shards.
        driver_gib: The memory of the driver.
        manifest_mb: The size of the manifest.
        bottleneck: What all else waits for.
    """

    seconds: dict[str, float]
    hours: float
    dollars: float
    month_dollars: float
    push_dollars: float
    tasks: int
    parts: int
    shards: int
    driver_gib: float
    manifest_mb: float
    bottleneck: str


def predict_build(
    kind: str, costs: Costs, raw_gb: float, cluster: Cluster, prices: Prices
) -> Predicted:
    """Return what a build of so many GB of raw files takes."""
    raw = raw_gb * 1e9
    rows = int(raw / costs.row_bytes)
    shards = -(-rows // default_rows_per_shard(_FIELDS[kind], rows))
    parts = DEFAULT_SIZES.part_count(int(raw))
    ranges = int(raw // DEFAULT_SIZES.range_bytes)
    scans = 0 if kind == "images" else ranges
    tasks = ranges + scans + parts + shards
    through = raw * (READ[kind] + WRITTEN[kind])
    seconds = {
        "compute": costs.pool_s_gb * raw_gb / (cluster.nodes * cluster.cores * BUSY),
        "network": through / min(cluster.nodes * cluster.node_bytes_s, cluster.storage_bytes_s),
        "tasks": tasks * TASK_S[cluster.engine],
        "driver": costs.driver_s_gb * raw_gb,
    }
    # The driver works on results while workers compute, and files are read while others are worked
    # on. So the slowest of them decides.
    serial = seconds["tasks"] + seconds["driver"]
    slowest = max(seconds["compute"], seconds["network"], serial)
    hours = (costs.start_s + slowest) / 3_600
    stored_gb = raw_gb * (costs.shards_gb + costs.parquet_gb)
    files = parts + shards
    puts = 2 * files + 1e9 * stored_gb / UPLOAD_BYTES
    grains = 0 if kind == "images" else raw / DEFAULT_SIZES.grain_bytes
    held = grains * GRAIN_BYTES + parts * PARQUET_BYTES + shards * SHARD_BYTES
    return Predicted(
        seconds=seconds,
        hours=hours,
        dollars=hours * cluster.nodes * prices.node_hour,
        month_dollars=stored_gb * prices.gb_month,
        push_dollars=puts / 1_000 * prices.thousand_puts,
        tasks=tasks,
        parts=parts,
        shards=shards,
        driver_gib=held / 2**30 + DRIVER_MIB / 2**10,
        manifest_mb=parts * PARQUET_JSON_BYTES / 1e6,
        bottleneck="driver and tasks"
        if slowest == serial
        else max(seconds, key=seconds.__getitem__),
    )
