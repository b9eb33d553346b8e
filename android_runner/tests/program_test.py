"""What the built program does, seen from outside: program_test.py PROGRAM FOLDER_OF_MODELS.

Only the standard library: it runs under whichever Python the build was given.
"""

from __future__ import annotations

import array
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

PROGRAM = sys.argv[1]
MODELS = Path(sys.argv[2])
TINY = [PROGRAM, "--json", "--model", str(MODELS / "tiny.ptl"), "--input-shape", "1,3,8,8"]
SLOW = [PROGRAM, "--json", "--model", str(MODELS / "slow.ptl"), "--input-shape", "1,3,8,8"]


def finished(command: list[str]) -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=240, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.decode().splitlines()]


def of_type(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record for record in records if record["type"] == kind]


class Measuring(unittest.TestCase):
    def test_records_of_a_run(self) -> None:
        code, records = finished([*TINY, "--warmup", "2", "--min-iters", "5", "--threads", "1,2"])
        self.assertEqual(code, 0)
        kinds = [record["type"] for record in records]
        series = ["warmup", *["iteration"] * 5]
        self.assertEqual(kinds, ["context", "memory", "load", "memory", *series, *series, "memory", "final"])
        context, final = records[0], records[-1]
        self.assertEqual(context["threads"], [1, 2])
        self.assertIn(context["engine"], context["engines"])
        self.assertEqual(context["page_size"], os.sysconf("SC_PAGESIZE"))
        self.assertEqual([r["iterations"] for r in of_type(records, "warmup")], [2, 2])
        for threads in (1, 2):
            mine = [r for r in of_type(records, "iteration") if r["threads"] == threads]
            self.assertEqual([r["index"] for r in mine], list(range(5)))
            row = next(r for r in final["sweep"] if r["threads"] == threads)
            self.assertEqual(row["median_ns"], sorted(r["ns"] for r in mine)[2])
        self.assertEqual(final["median_ns"], min(row["median_ns"] for row in final["sweep"]))
        self.assertEqual((final["status"], final["iterations"]), ("ok", 10))
        memory = {r["phase"]: r["peak_rss_bytes"] for r in of_type(records, "memory")}
        self.assertTrue(0 < memory["start"] <= memory["loaded"] <= memory["end"])

    def test_without_json_nothing_is_on_standard_output(self) -> None:
        code, records = finished([word for word in TINY if word != "--json"] + ["--min-iters", "1"])
        self.assertEqual((code, records), (0, []))

    def test_time_box(self) -> None:
        code, records = finished([*SLOW[:3], str(MODELS / "tiny.ptl"), *SLOW[4:], "--max-seconds", "0.05",
                                  "--min-iters", "10000000"])  # fmt: skip
        self.assertEqual((code, records[-1]["status"]), (5, "timeout"))
        self.assertGreater(records[-1]["iterations"], 0)

    def test_min_seconds_goes_on_past_the_iterations(self) -> None:
        code, records = finished([*TINY, "--min-iters", "1", "--min-seconds", "0.05"])
        self.assertEqual(code, 0)
        self.assertGreater(records[-1]["iterations"], 1)

    def test_profile_adds_up(self) -> None:
        code, records = finished([*TINY, "--min-iters", "4", "--profile"])
        self.assertEqual(code, 0)
        (profile,) = of_type(records, "operators")
        self.assertEqual(profile["iterations"], 2)  # the calmer half
        by_name = {row["name"]: row for row in profile["operators"]}
        self.assertEqual(by_name["aten::linear"]["calls"], 4)
        self.assertLessEqual(sum(row["self_ns"] for row in profile["operators"]), profile["wall_ns"])
        for row in profile["operators"]:
            self.assertTrue(0 <= row["self_ns"] <= row["total_ns"])

    def test_engine_is_chosen(self) -> None:
        _, records = finished([PROGRAM, "--json", "--ops"])
        for engine in records[0]["engines"]:
            code, records = finished(
                [*SLOW[:3], str(MODELS / "quantized.ptl"), *SLOW[4:], "--engine", engine, "--min-iters", "1"]
            )
            self.assertEqual((code, records[0]["engine"]), (0, engine))


class Answers(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def run_on(self, model: str, images: Path, *extra: str) -> tuple[int, list[dict[str, Any]]]:
        command = [PROGRAM, "--json", "--model", str(MODELS / model), "--input-shape", "1,3,8,8", "--min-iters", "1"]
        return finished([*command, "--input", str(images), "--output", str(self.folder / "out"), *extra])

    def close(self, name: str = "answers.f32") -> bool:
        ours, theirs = array.array("f"), array.array("f")
        ours.frombytes((self.folder / "out").read_bytes())
        theirs.frombytes((MODELS / name).read_bytes())
        if len(ours) != len(theirs):
            return False
        return all(math.isclose(a, b, abs_tol=1e-5) for a, b in zip(ours, theirs, strict=True))

    def test_every_input_is_answered(self) -> None:
        code, records = self.run_on("tiny.ptl", MODELS / "images.f32")
        self.assertEqual(code, 0)
        (outputs,) = of_type(records, "outputs")
        self.assertEqual((outputs["count"], outputs["shape"], outputs["bytes"]), (3, [1, 10], 120))
        self.assertTrue(self.close())

    def test_a_batch_is_one_input(self) -> None:
        code, records = self.run_on("tiny.ptl", MODELS / "images.f32", "--input-shape", "3,3,8,8")
        self.assertEqual((code, of_type(records, "outputs")[0]["shape"]), (0, [3, 10]))
        self.assertTrue(self.close())

    def test_the_first_tensor_of_a_tuple(self) -> None:
        code, records = self.run_on("two.ptl", MODELS / "images.f32")
        self.assertEqual((code, of_type(records, "outputs")[0]["shape"]), (0, [1, 10]))

    def test_a_cut_input_is_refused_and_nothing_written(self) -> None:
        cut = self.folder / "cut"
        cut.write_bytes((MODELS / "images.f32").read_bytes()[:-1])
        code, records = self.run_on("tiny.ptl", cut)
        self.assertEqual((code, records[-1]["status"], records[-1]["stage"]), (3, "failed", "load"))
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["cut"])

    def test_an_output_that_cannot_be_written(self) -> None:
        code, records = self.run_on("tiny.ptl", MODELS / "images.f32", "--output", str(self.folder / "no" / "out"))
        self.assertEqual((code, records[-1]["stage"]), (4, "outputs"))


class Failing(unittest.TestCase):
    def failure(self, command: list[str]) -> tuple[int, str]:
        code, records = finished(command)
        self.assertEqual(len(of_type(records, "final")), 1)
        final = records[-1]
        self.assertEqual((final["type"], final["status"], final["exit_code"]), ("final", "failed", code))
        return code, final["message"]

    def test_wrong_usage(self) -> None:
        self.assertEqual(self.failure([PROGRAM, "--json", "--bogus"])[0], 2)
        self.assertEqual(self.failure([PROGRAM, "--json"])[0], 2)

    def test_what_cannot_be_loaded(self) -> None:
        self.assertEqual(self.failure([PROGRAM, "--json", "--model", str(MODELS / "absent")])[0], 3)
        self.assertEqual(self.failure([PROGRAM, "--json", "--model", str(MODELS / "images.f32")])[0], 3)
        odd = 'no"such\\file\n\x01é'
        code, message = self.failure([PROGRAM, "--json", "--model", odd])
        self.assertEqual(code, 3)
        self.assertIn(odd, message)

    def test_a_cut_file(self) -> None:
        with tempfile.NamedTemporaryFile(suffix=".ptl") as file:
            whole = (MODELS / "tiny.ptl").read_bytes()
            file.write(whole[: len(whole) // 2])
            file.flush()
            self.assertEqual(self.failure([PROGRAM, "--json", "--model", file.name])[0], 3)

    def test_a_shape_that_does_not_fit(self) -> None:
        code, message = self.failure([*TINY, "--input-shape", "1,3,9,9"])
        self.assertEqual(code, 4)
        self.assertIn("mat1 and mat2", message)
        self.assertNotIn("frame #", message)

    def test_a_crash_has_a_last_word(self) -> None:
        with Started(SLOW) as program:
            program.until("memory", count=2)
            program.process.send_signal(signal.SIGSEGV)
            self.assertIn("SIGSEGV", program.rest()[-1]["message"])
            self.assertNotEqual(program.process.wait(60), 0)


class Started:
    """A program whose lines are read while it runs."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout is not None
        self.lines = self.process.stdout

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(60)
        self.lines.close()

    def until(self, kind: str, count: int) -> None:
        while count:
            count -= json.loads(self.lines.readline())["type"] == kind

    def rest(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


class Ending(unittest.TestCase):
    def test_signals_end_a_run_between_iterations(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number.name), Started([*TINY, "--min-iters", "10000000"]) as program:
                program.until("iteration", count=3)
                program.process.send_signal(number)
                records = program.rest()
                self.assertEqual(len(of_type(records, "final")), 1)
                self.assertEqual((records[-1]["status"], records[-1]["exit_code"]), ("interrupted", 130))
                self.assertIn(number.name, records[-1]["message"])
                self.assertGreater(records[-1]["iterations"], 2)
                self.assertEqual(program.process.wait(60), 130)

    def test_a_signal_ends_a_run_inside_an_iteration(self) -> None:
        with Started(SLOW) as program:
            program.until("memory", count=2)
            program.process.send_signal(signal.SIGTERM)
            records = program.rest()
            self.assertEqual([record["type"] for record in records], ["final"])
            self.assertEqual(records[0]["status"], "interrupted")
            self.assertEqual(program.process.wait(60), 130)

    def test_a_reader_that_is_gone_ends_a_run(self) -> None:
        with Started([*TINY, "--min-iters", "10000000"]) as program:
            program.until("iteration", count=1)
            program.lines.close()
            self.assertEqual(program.process.wait(60), 141)

    def test_a_reader_that_is_gone_ends_a_run_that_says_nothing(self) -> None:
        with Started(SLOW) as program:
            program.until("memory", count=2)
            program.lines.close()
            self.assertEqual(program.process.wait(60), 141)

    def test_a_parent_that_is_gone_ends_a_run(self) -> None:
        # The shell starts the program, says its number and leaves; the pipe stays open.
        command = [*SLOW[:3], str(MODELS / "slow.ptl"), *SLOW[4:]]
        shell = subprocess.Popen(["sh", "-c", '"$@" & exec sleep 600', "sh", *command], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)  # fmt: skip
        assert shell.stdout is not None
        context = json.loads(shell.stdout.readline())
        self.assertNotEqual(context["pid"], shell.pid)
        shell.kill()
        shell.wait(60)
        records = [json.loads(line) for line in shell.stdout]  # ends when the program does
        shell.stdout.close()
        self.assertEqual((records[-1]["type"], records[-1]["exit_code"]), ("final", 141))


class Runtime(unittest.TestCase):
    def test_operators(self) -> None:
        code, records = finished([PROGRAM, "--json", "--ops"])
        self.assertEqual((code, [record["type"] for record in records]), (0, ["context", "ops", "final"]))
        ops = records[1]
        self.assertLessEqual(ops["bytecode_min"], ops["bytecode_max"])
        self.assertEqual(ops["operators"]["aten::add.Tensor"], 3)
        self.assertGreater(len(ops["operators"]), 1000)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
