"""Holds one file loaded and runs it when asked: ``python turns.py RUNTIME FILE THREADS HEIGHT [ENGINE]``.

Each line on standard input is a number of inferences; the answer is one line of JSON with nanoseconds of each, after
one that is not counted, for the processor has just done other work. The first line that it prints is the logits of a
fixed image. Runs in the peers' environment and in PQV-Mobile's own.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Run = Callable[[], Any]


def ptl(path: str, threads: int, image: np.ndarray, engine: str) -> Run:
    """A ``.ptl`` with the Lite Interpreter."""
    from pathlib import Path

    import torch

    from pqv_core.engine.formats.ptl import lite_session as lite

    session, example = lite.open_file(Path(path), engine=engine, threads=threads), torch.from_numpy(image)

    def run() -> Any:
        with torch.inference_mode():
            return session.run(example)

    return run


def pte(path: str, threads: int, image: np.ndarray, _: str) -> Run:
    """A ``.pte`` of PQV-Mobile, as the product runs it."""
    from pathlib import Path

    import torch

    from pqv_core.engine.formats.pte import pte_session

    session, example = pte_session.load(Path(path), threads=threads), torch.from_numpy(image)
    return lambda: session.run(example)


def litert(path: str, threads: int, image: np.ndarray, _: str) -> Run:
    """LiteRT with XNNPACK."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=threads)
    interpreter.allocate_tensors()
    given, taken = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run() -> Any:
        interpreter.set_tensor(given, image)
        interpreter.invoke()
        return interpreter.get_tensor(taken)

    return run


def onnxruntime(path: str, threads: int, image: np.ndarray, _: str) -> Run:
    """ONNX Runtime on the processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: image})[0]


def openvino(path: str, threads: int, image: np.ndarray, _: str) -> Run:
    """OpenVINO on the processor, tuned for latency."""
    import openvino

    hints = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    request = openvino.Core().compile_model(path, "CPU", hints).create_infer_request()
    return lambda: next(iter(request.infer([image], share_inputs=True).values()))


def executorch(path: str, threads: int, image: np.ndarray, _: str) -> Run:
    """ExecuTorch's runtime with XNNPACK."""
    import torch
    from executorch.extension.pybindings import portable_lib
    from executorch.runtime import Runtime

    portable_lib._unsafe_reset_threadpool(threads)
    method, example = Runtime.get().load_program(path).load_method("forward"), [torch.from_numpy(image)]
    return lambda: method.execute(example)[0]


RUNTIMES: dict[str, Callable[[str, int, np.ndarray, str], Run]] = {
    "ptl": ptl,
    "pte": pte,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "executorch": executorch,
    "litert": litert,
}


def main() -> None:
    """Serve until standard input ends."""
    runtime, path, threads, size, *engine = sys.argv[1:]
    image = np.random.default_rng(0).standard_normal((1, 3, int(size), int(size)), dtype=np.float32)
    run = RUNTIMES[runtime](path, int(threads), image, "".join(engine))
    print(json.dumps(np.asarray(run()).ravel().tolist()), flush=True)
    for line in sys.stdin:
        run()
        taken = []
        for _ in range(int(line)):
            began = time.perf_counter_ns()
            run()
            taken.append(time.perf_counter_ns() - began)
        print(json.dumps(taken), flush=True)


if __name__ == "__main__":
    main()
