"""The simulator asks for the files that the library asks for, and adds up what it is told."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest
from cut_artifacts import build_cut
from object_servers import BUCKET, Faults, range_server, use_endpoint
from simulation.cost_model import Cluster, Prices, predict_build
from simulation.epoch import Setting, simulate_epoch
from simulation.events import Clock, Event, Process
from simulation.fit_costs import fit_costs
from simulation.measure_builds import Measured
from simulation.network import Network
from simulation.shard_visits import Announce, Open, Rows, find_visits

import shardmill
from shardmill.datasets.order import row_order
from shardmill.format.manifest import Manifest

BATCH = 100
ORDERS = [False, True, "blocks", "nodes", "shards"]


@pytest.fixture(scope="session")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's folder with one bucket, and in it pictures in ten shards."""
    server = tmp_path_factory.mktemp("simulated")
    (server / BUCKET).mkdir()
    build_cut(server / BUCKET)
    return server


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_order, "BLOCK_BYTES", 2**12)
    monkeypatch.setattr(row_order, "WINDOW_BLOCKS", 4)


def rows_of(cut: Path, shuffle: bool | str) -> Rows:
    split = Manifest.load(cut / BUCKET / "pictures").splits["train"]
    return Rows(
        rows=split.rows,
        row_bytes=shardmill.open(cut / BUCKET / "pictures").reader.row_bytes,
        rows_per_shard=split.rows_per_shard,
        batch_size=BATCH,
        shuffle=shuffle,
        seed=3,
        labelled=True,
    )


def loader_of(ds: Any, shuffle: bool | str, *, rank: int = 0, world_size: int = 1) -> Any:
    nodes = {"nodes": world_size} if shuffle in ("nodes", "shards") else {}
    part = {"rank": rank, "world_size": world_size}
    return ds.loader(BATCH, shuffle=shuffle, seed=3, **part, **nodes)


@pytest.mark.parametrize("shuffle", ORDERS)
@pytest.mark.parametrize("most", [1, 3, 8])
@pytest.mark.parametrize("world_size", [1, 2])
def test_shards_are_opened_as_the_library_opens_them(
    cut: Path, shuffle: bool | str, most: int, world_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rank = world_size - 1
    ds = shardmill.open(cut / BUCKET / "pictures")
    files = ds._mapped.files
    files.most = most
    opened: list[Open | Announce] = []
    open_file = files.open

    def open_noted(shard: int) -> int:
        opened.append(Open(shard))
        return open_file(shard)

    def announce(shards: Iterable[int]) -> None:
        opened.append(Announce(tuple(shards)))

    monkeypatch.setattr(files, "open", open_noted)
    monkeypatch.setattr(files, "announce", announce)
    for _ in loader_of(ds, shuffle, rank=rank, world_size=world_size):
        pass
    nodes = world_size if shuffle in ("nodes", "shards") else 1
    visits = find_visits(rows_of(cut, shuffle), most, rank=rank, ranks=world_size, nodes=nodes)
    assert [visit for visit in visits if isinstance(visit, Open | Announce)] == opened


@pytest.mark.parametrize(
    ("shuffle", "shards", "nodes"), [(False, 9, 1), (False, 99, 1), (True, 99, 1), ("nodes", 8, 2)]
)
def test_files_are_asked_for_as_often_as_of_a_server(
    cut: Path,
    shuffle: bool | str,
    shards: int,
    nodes: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With caches in which no shard that is wanted again has to go, the counts do not hang on time.
    rows, faults = rows_of(cut, shuffle), Faults()
    limit = shards * int(rows.shard_bytes.max())
    with range_server(cut, faults) as endpoint:
        use_endpoint(monkeypatch, endpoint)
        for node in range(nodes):
            url, cache = f"s3://{BUCKET}/pictures", tmp_path / str(node)
            ds = shardmill.open(url, cache=cache, cache_bytes=limit)
            for _ in loader_of(ds, shuffle, rank=node, world_size=nodes):
                pass
            threads = getattr(ds._mapped.files, "_threads", [])
            for thread in threads[:]:
                thread.join()
    asked = sum("/train-" in path for path, _ in faults.asked)
    simulated = simulate_epoch(Setting(rows, nodes=nodes, cache_bytes=limit, node_bytes_s=1e9))
    assert simulated.requests == asked
    full = Manifest.load(cut / BUCKET / "pictures").splits["train"].shards[:-1]
    assert rows.shard_bytes[:-1].tolist() == [shard.bytes for shard in full]


def test_a_cold_epoch_takes_what_its_bytes_take() -> None:
    rows = Rows(rows=4_096, row_bytes=4_096, rows_per_shard=1_024, batch_size=256)
    size = int(rows.shard_bytes[0])
    setting = Setting(
        rows, node_bytes_s=size, latency_s=0.25, write_s=0.25, rows_s=1_024, step_s=0.25
    )
    outcome = simulate_epoch(setting)
    # The manifest, then all four files side by side, then sixteen batches.
    assert outcome.first_s == pytest.approx(0.25 + 0.25 + 4 + 0.25 + 0.25)
    assert outcome.epoch_s == pytest.approx(0.25 + 0.25 + 4 + 0.25 + 16 * (0.25 + 0.25))
    assert outcome.node_bytes == (4 * size,)
    assert outcome.waiting == pytest.approx(1 - 16 * 0.25 / outcome.epoch_s)
    slots = simulate_epoch(replace(setting, cache_bytes=2 * size))
    # One file ahead: it comes while the loop goes through the one before.
    assert slots.first_s == pytest.approx(0.25 + 1.5 + 0.25)
    assert slots.epoch_s == pytest.approx(0.25 + 1.5 + 16 * 0.5)
    assert slots.requests == 4


def test_what_cannot_be_simulated_is_refused() -> None:
    rows = Rows(rows=4_096, row_bytes=4_096, rows_per_shard=1_024, batch_size=256)
    with pytest.raises(ValueError, match="the bandwidth of a node or that of the store"):
        simulate_epoch(Setting(rows))
    with pytest.raises(ValueError, match="a cache holds a shard"):
        simulate_epoch(Setting(rows, cache_bytes=10**6, node_bytes_s=1e9))


def test_downloads_divide_links_fairly() -> None:
    clock = Clock()
    network = Network(clock, node_bytes_s=60.0, store_bytes_s=90.0)
    ends: dict[str, float] = {}

    def download(name: str, node: int, size: float, after_s: float) -> Process:
        yield after_s
        yield from network.download(node, size)
        ends[name] = clock.now

    clock.start(download("a", 0, 60, 0))
    clock.start(download("b", 0, 60, 0))
    clock.start(download("c", 1, 60, 1))
    clock.run()
    # Alone, the two of a node get 30 each. With a third one, the store gives 30 to each.
    assert ends == {"a": 2.0, "b": 2.0, "c": pytest.approx(1 + 1 + 30 / 60)}
    assert network.loaded == {0: pytest.approx(120), 1: pytest.approx(60)}


def test_the_clock_stops_at_an_event() -> None:
    clock, end = Clock(), Event()
    clock.call_in(2.0, lambda: clock.happen(end))
    clock.call_in(3.0, lambda: pytest.fail("it is past the end"))
    clock.run(until=end)
    assert clock.now == 2.0


def measured(gb: float, workers: int, cpu_s: float, driver: dict[str, float]) -> Measured:
    sizes = {"raw_gb": gb, "shards_gb": 0.7 * gb, "parquet_gb": 0.4 * gb, "rows": int(gb * 4e6)}
    return Measured(
        kind="text",
        workers=workers,
        tasks=1,
        wall_s=1.0,
        stages={},
        cpu_s=cpu_s,
        driver_s=driver,
        peak_mib=100.0 * workers,
        load=0.0,
        **sizes,  # type: ignore[arg-type]
    )


def test_costs_are_the_lines_through_the_builds() -> None:
    builds = []
    for gb in (0.25, 0.5, 1.0, 2.0):
        stages = {"clean": 8 * gb, "hold out": gb, "fit": 0.1 * gb, "shard": 2 * gb}
        total = 0.4 + 12.1 * gb
        builds += [
            measured(gb, 1, total, {**stages, "all": total}),
            measured(gb, 1, 3 * total, {**stages, "all": 3 * total}),  # of a busy machine
            measured(gb, 2, 0.8 + 13 * gb, {"clean": 0.1, "all": 0.6 + 0.05 * gb}),
        ]
    costs = fit_costs(builds)["text"]
    slopes = {"rest": 1.0, "clean": 9.0, "fit": 0.1, "shard": 2.0}
    assert costs.stage_s_gb == {stage: pytest.approx(slope) for stage, slope in slopes.items()}
    assert costs.start_s == pytest.approx(0.4)
    assert costs.pool_s_gb == pytest.approx(13)
    assert costs.driver_s_gb == pytest.approx(0.05)
    assert (costs.one_mib, costs.two_mib) == (100, 200)
    assert costs.off == pytest.approx(0)


def test_a_build_waits_for_what_is_slowest() -> None:
    costs = fit_costs(
        measured(gb, workers, 13 * gb, {"all": 0.05 * gb})
        for gb in (1.0, 2.0)
        for workers in (1, 2)
    )["text"]
    few = predict_build("text", costs, 1_000, Cluster(1, 10), Prices(node_hour=2.0))
    assert few.seconds["compute"] == pytest.approx(13 * 1_000 / 10 / 0.8)
    assert few.bottleneck == "network"
    assert few.dollars == pytest.approx(2 * few.hours)
    wide = Cluster(1, 10, node_bytes_s=inf, storage_bytes_s=inf)
    assert predict_build("text", costs, 1_000, wide, Prices()).bottleneck == "compute"
    many = predict_build("text", costs, 1_000, replace(wide, nodes=1_000), Prices())
    assert many.bottleneck == "driver and tasks"
    assert many.seconds["tasks"] == pytest.approx(many.tasks * 0.0013)
    assert Counter(few.seconds.keys()) == Counter(many.seconds.keys())
