"""A long build shows how far it is."""

import io

from build_progress import BuildProgress, ninja_step

# What pip 26 and ninja 1.11 really print while llama-cpp-python 0.3.36 is built, shortened.
LOG = """\
Collecting llama-cpp-python==0.3.36
  Downloading llama_cpp_python-0.3.36.tar.gz (76.6 MB)
  Running command Building wheel for llama-cpp-python (pyproject.toml)
  *** scikit-build-core 1.1.2 using CMake 3.25.1 (wheel)
  *** Configuring CMake...
  -- The C compiler identification is GNU 12.2.0
  [1/193] /usr/bin/g++ -DGGML_BUILD -O3 -DNDEBUG -fPIC -fopenmp -std=gnu++17 -c ggml/src/ggml.cpp
  [2/193] /usr/bin/gcc -DGGML_BUILD -O3 -DNDEBUG -fPIC -fopenmp -std=gnu11 -c ggml/src/ggml-alloc.c
  vendor/llama.cpp/src/llama.cpp:12:3: warning: array[3/4] is not what it seems
  [97/193] /usr/bin/g++ -DLLAMA_BUILD -O3 -DNDEBUG -fPIC -c src/llama-graph.cpp
  [193/193] : && /usr/bin/g++ -fPIC -O3 -DNDEBUG -shared -o bin/libmtmd.so
  [0/1] Install the project...
  Created wheel for llama-cpp-python: filename=llama_cpp_python-0.3.36-py3-none-linux_x86_64.whl
"""


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_steps_are_read_from_a_real_log() -> None:
    steps = [ninja_step(line) for line in LOG.splitlines()]
    assert [step for step in steps if step] == [(1, 193), (2, 193), (97, 193), (193, 193), (0, 1)]


def test_numbers_that_cannot_be_progress_are_not_taken_for_it() -> None:
    assert ninja_step("  [5/0] nothing") is None
    assert ninja_step("  [9/3] too many") is None


def test_a_log_file_gets_a_line_for_the_tenths_reached_and_never_runs_backwards() -> None:
    out, clock = io.StringIO(), Clock()
    progress = BuildProgress("Building", out, clock)
    for line in LOG.splitlines():
        clock.seconds += 1
        progress.line(line)
    clock.seconds = 432
    progress.close("done")
    assert out.getvalue().splitlines() == [
        "Building: downloading and configuring, 0m01s",
        "Building:  50 % (97/193 files), 0m10s",
        "Building: 100 % (193/193 files), 0m11s",
        "Building: done after 7m12s",
    ]


def test_a_silent_build_still_says_every_half_minute_that_it_lives() -> None:
    out, clock = io.StringIO(), Clock()
    progress = BuildProgress("Building", out, clock)
    progress.line("  [20/193] cc -c a.c")
    for _ in range(65):
        clock.seconds += 1
        progress.tick()
    assert out.getvalue().splitlines() == [
        "Building:  10 % (20/193 files), 0m00s",
        "Building:  10 % (20/193 files), 0m30s",
        "Building:  10 % (20/193 files), 1m00s",
    ]


def test_a_terminal_gets_one_line_that_is_overwritten() -> None:
    out = Terminal()
    progress = BuildProgress("Building", out, Clock())
    for line in LOG.splitlines():
        progress.line(line)
    progress.close("done")
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().endswith("\r\033[KBuilding: done after 0m00s\n")
