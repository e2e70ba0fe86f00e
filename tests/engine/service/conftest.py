"""The service as its users meet it: a process of its own, on a port of its own."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

TOKEN = "a-token-that-only-this-test-knows"
STARTER = Path(__file__).parents[3] / "resources" / "models" / "starter"


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """Status and code of a refusal, which always has the same shape."""
        error = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return self.status, error["code"]


class Service:
    """A running service."""

    def __init__(self, process: subprocess.Popen, said: dict[str, Any], log: Path) -> None:
        self.process = process
        self.url = said["url"]
        self.models = said["models"]
        self.port = said["port"]
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def send(self, method: str, path: str, body: Any = None, *, token: str | None = TOKEN, **headers: str) -> Reply:
        """One request on a connection of its own. body : bytes, or what is sent as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def post(self, path: str, **form: Any) -> Reply:
        return self.send("POST", path, form)

    def children(self) -> dict[str, int]:
        """The processes below, by what they are for."""
        found = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rsplit(")", 1)[1].split()
                if int(fields[1]) == self.process.pid and fields[0] != "Z":
                    libraries = stat.with_name("maps").read_text()
                    name = "model" if "libllama" in libraries else "reader" if "vtk" in libraries else "other"
                    found[name] = int(stat.parent.name)
        return found


@pytest.fixture(scope="session")
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Service]]:
    """Starts `medrega serve`; whatever still runs at the end is killed."""
    running: list[subprocess.Popen] = []

    def start(*options: object, token: str | None = TOKEN, model: Path = STARTER) -> Service:
        log = tmp_path_factory.mktemp("service") / "log"
        words = ["-vv", "serve", "--port", 0, "--json", "--model", model, *options]
        command = [sys.executable, "-c", "from engine.cli import main; main()", *map(str, words)]
        environment = {name: value for name, value in os.environ.items() if name != "MEDREGA_TOKEN"}
        if token is not None:
            environment["MEDREGA_TOKEN"] = token
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stream, env=environment, text=True)
        running.append(process)
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if line == "}\n":
                return Service(process, json.loads("".join(lines)), log)
        raise AssertionError(log.read_text(encoding="utf-8"))

    yield start
    for process in running:
        process.kill()
        process.wait(10)
        process.stdout.close()


@pytest.fixture(scope="session")
def service(start_service: Callable[..., Service]) -> Service:
    """One with the model that ships. Tests must leave it as it is."""
    return start_service()


@pytest.fixture(scope="session")
def dicom(phantom_series: Path) -> Path:
    """One slice of the generated CT."""
    files = sorted((phantom_series / "dicom").glob("*.dcm"))
    return files[len(files) // 2]


@pytest.fixture(scope="session")
def dicom_url(dicom: Path) -> str:
    return f"data:application/dicom;base64,{base64.b64encode(dicom.read_bytes()).decode()}"


def png(array: np.ndarray) -> bytes:
    """A picture's file."""
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, format="PNG")
    return stream.getvalue()


def png_url(array: np.ndarray) -> str:
    """The same as a data: URL."""
    return f"data:image/png;base64,{base64.b64encode(png(array)).decode()}"


@pytest.fixture(scope="session")
def picture_url(picture: np.ndarray) -> str:
    return png_url(picture)


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Raise unless it becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
