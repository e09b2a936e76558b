"""The GPUs of a model's servers: a row of the resources."""

from __future__ import annotations

from typing import Final

from boards.board import Row
from boards.graphs import graph
from boards.queries import MODEL, SIDECARS, Query, threshold

_NONE: Final = "no GPU, or no server is watched beside one"
_GPU: Final = "{{instance}} GPU {{gpu}}"
_THIRD: Final = (8, 8)
_QUARTER: Final = (6, 8)

ROW: Final = Row(
    "GPU",
    [
        graph(
            "GPU utilisation",
            """Share of the time in which a kernel ran on each GPU, not how much of the GPU that kernel used; and
            in which its memory was read or written, not how full it is.""",
            Query(f"ml_gpu_utilization_ratio {SIDECARS}", _GPU),
            Query(f"ml_gpu_memory_utilization_ratio {SIDECARS}", f"{_GPU} memory"),
            unit="percentunit",
            none="no GPU, or it is in MIG mode",
            lowest=0,
            highest=1,
            size=_THIRD,
        ),
        graph(
            "GPU memory",
            """Share of its memory that is in use, of each GPU or MIG device on which the server has memory. Higher
            is worse; beyond the dashed line it alerts.""",
            Query(f"instance_gpu:ml_gpu_memory:ratio {SIDECARS}", f"{_GPU} {{{{mig}}}}"),
            threshold(f"max(model_instance:ml_gpu_memory:threshold{{{MODEL}}})"),
            unit="percentunit",
            none=_NONE,
            lowest=0,
            size=_THIRD,
        ),
        graph(
            "GPU memory of the server",
            "Memory of each GPU that the server's own processes hold. Steady growth is a leak.",
            Query(f"ml_gpu_server_memory_bytes {SIDECARS}", _GPU),
            unit="bytes",
            none="no GPU memory that the driver says is the server's",
            lowest=0,
            size=_THIRD,
        ),
        graph(
            "GPU power",
            "Power that each GPU draws, and the lowest limit of one. A GPU under full load may reach its limit.",
            Query(f"ml_gpu_power_watts {SIDECARS}", _GPU),
            threshold(f"min(ml_gpu_power_limit_watts {SIDECARS})", "lowest limit"),
            unit="watt",
            none=_NONE,
            lowest=0,
            size=_THIRD,
        ),
        graph(
            "GPU temperature",
            "Temperature of each GPU. Higher is worse; one that is hotter than its neighbours lacks air.",
            Query(f"ml_gpu_temperature_celsius {SIDECARS}", _GPU),
            unit="celsius",
            none=_NONE,
            size=_THIRD,
        ),
        graph(
            "GPU throttled",
            """Share of 15 minutes in which heat or a power brake slowed each GPU down, by reason. Higher is worse;
            beyond the dashed line it alerts.""",
            Query(f"instance_gpu_reason:ml_gpu_throttled:ratio15m {SIDECARS}", f"{_GPU} {{{{reason}}}}"),
            threshold(f"max(model_instance:ml_gpu_throttled:threshold{{{MODEL}}})"),
            unit="percentunit",
            none=_NONE,
            lowest=0,
            highest=1,
            size=_THIRD,
        ),
        graph(
            "GPU clocks",
            "Clocks of the multiprocessors (sm) and of the memory. Lower under load is worse, when idle not.",
            Query(f"ml_gpu_clock_hertz {SIDECARS}", f"{_GPU} {{{{clock}}}}"),
            unit="hertz",
            none=_NONE,
            lowest=0,
            size=_QUARTER,
        ),
        graph(
            "PCIe",
            "What each GPU sends and receives over PCIe, over 20 ms of each reading: inputs and answers.",
            Query(f"ml_gpu_pcie_transmit_bytes_per_second {SIDECARS}", f"{_GPU} sends"),
            Query(f"ml_gpu_pcie_receive_bytes_per_second {SIDECARS}", f"{_GPU} receives"),
            unit="Bps",
            none=_NONE,
            lowest=0,
            size=_QUARTER,
        ),
        graph(
            "PCIe link",
            """Lanes and generation of each GPU's link now. Fewer lanes than its neighbours have are worse; an idle
            GPU goes back to an older generation.""",
            Query(f"ml_gpu_pcie_link_width_lanes {SIDECARS}", f"{_GPU} lanes"),
            Query(f"ml_gpu_pcie_link_generation {SIDECARS}", f"{_GPU} generation"),
            unit="none",
            none=_NONE,
            lowest=0,
            size=_QUARTER,
        ),
        graph(
            "GPU errors",
            """Memory errors that could not be corrected since the driver was loaded or the GPU was reset, and GPUs
            that are lost. Any is worse than none.""",
            Query(f"instance_gpu:ml_gpu_uncorrected_errors:max {SIDECARS}", f"{_GPU} uncorrected errors"),
            Query(f"model_instance:ml_gpu_lost:count{{{MODEL}}}", "{{instance}} lost GPUs"),
            unit="none",
            none="no GPU, or its memory has no error correction",
            lowest=0,
            size=_QUARTER,
        ),
    ],
)
