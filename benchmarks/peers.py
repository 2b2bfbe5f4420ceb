"""Other implementations of private set intersection on the same sets, each in an environment of its own.

Their pins clash with this project's, so each is installed from PyPI into a virtual environment below a
temporary directory; one that cannot be installed is passed over with a message.
"""

import json
import os
import signal
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

_INSTALL_SECONDS = 900
_MEASURE_SECONDS = 1_800


class Said(TypedDict):
    """What a peer's program prints."""

    offline: float
    online: dict[str, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds: `offline` for the register, once; `online` for a list, by the number of its records."""

    name: str
    offline: float
    online: dict[int, float]


@dataclass(frozen=True, slots=True)
class Peer:
    """What is installed, and the program that measures it.

    The program gets a register, a list, each with one element in a line, and how many of the list are asked
    each time; it prints `{"offline": seconds, "online": {records: seconds}}`.
    """

    name: str
    requirements: tuple[str, ...]
    program: str


OPENMINED = Peer(
    "openmined-psi (ECDH over P-256, set as it is)",
    ("openmined-psi==2.0.6",),
    """
import json, sys, time
import private_set_intersection.python as psi

register, listed = (open(path).read().split() for path in sys.argv[1:3])
counts = [int(count) for count in sys.argv[3:]]
server = psi.server.CreateWithNewKey(True)
began = time.perf_counter()
setup = server.CreateSetupMessage(1e-9, max(counts), register, psi.DataStructure.RAW)
offline = time.perf_counter() - began
online = {}
for count in counts:
    asked = listed[:count]
    client = psi.client.CreateWithNewKey(True)
    began = time.perf_counter()
    response = server.ProcessRequest(client.CreateRequest(asked))
    found = client.GetIntersection(setup, response)
    online[count] = time.perf_counter() - began
    assert len(found) == len(set(asked) & set(register))
print(json.dumps({"offline": offline, "online": online}))
""",
)
SPU = Peer(
    "spu (ECDH_OPRF_UB_PSI_2PC, FourQ)",
    ("spu==0.9.5",),
    """
import json, os, socket, sys, tempfile, time
import multiprocess
import spu.libspu.link as link
import spu.psi as psi

FILE = psi.SourceType.SOURCE_TYPE_FILE_CSV


def parties():
    desc = link.Desc()
    desc.recv_timeout_ms = 300_000
    probes = [socket.socket() for _ in range(2)]
    for rank, probe in enumerate(probes):
        probe.bind(("127.0.0.1", 0))
        desc.add_party(str(rank), "127.0.0.1:%d" % probe.getsockname()[1])
    for probe in probes:
        probe.close()
    return desc


def both(server, client):
    desc = parties()

    def party(rank, config):
        psi.ub_psi_execute(config, link.create_brpc(desc, rank))

    configs = enumerate((server, client))
    running = [multiprocess.Process(target=party, args=one) for one in configs]
    began = time.perf_counter()
    for one in running:
        one.start()
    for one in running:
        one.join()
        assert one.exitcode == 0
    return time.perf_counter() - began


def config(mode, role, path="", out="", **more):
    return psi.UbPsiExecuteConfig(
        mode=getattr(psi.UbPsiMode, "MODE_" + mode),
        role=getattr(psi.UbPsiRole, "ROLE_" + role),
        cache_path=os.path.join(place, role),
        input_params=psi.InputParams(type=FILE, path=path, selected_keys=["id"]),
        output_params=psi.OutputParams(type=FILE, path=out),
        **more,
    )


def csv(name, elements):
    path = os.path.join(place, name)
    with open(path, "w") as file:
        file.write("\\n".join(["id", *elements]) + "\\n")
    return path


with tempfile.TemporaryDirectory() as place:
    register, listed = (open(path).read().split() for path in sys.argv[1:3])
    key = os.path.join(place, "secret")
    with open(key, "wb") as file:
        file.write(os.urandom(32))
    secret = psi.UbPsiServerParams(secret_key_path=key)
    whole = csv("register", register)
    offline = both(config("OFFLINE", "SERVER", whole, server_params=secret), config("OFFLINE", "CLIENT"))
    online = {}
    for count in map(int, sys.argv[3:]):
        asked, out = csv("list-%d" % count, listed[:count]), os.path.join(place, "out-%d" % count)
        online[count] = both(
            config("ONLINE", "SERVER", whole, server_params=secret),
            config("ONLINE", "CLIENT", asked, out, client_receive_result=True),
        )
    print(json.dumps({"offline": offline, "online": online}))
""",
)
PEERS = {"openmined": OPENMINED, "spu": SPU}


def measured(peer: Peer, register: Path, listed: Path, counts: Sequence[int]) -> Figures | None:
    """What the peer takes; None, with a message, if it cannot be installed or does not work here."""
    with TemporaryDirectory(prefix="stayput-peer-") as place:
        venv.create(place, with_pip=True)
        python = Path(place) / "bin" / "python"
        install = [str(python), "-m", "pip", "install", "--quiet", *peer.requirements]
        try:
            subprocess.run(install, check=True, capture_output=True, timeout=_INSTALL_SECONDS)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            print(f"{peer.name}: cannot be installed here", file=sys.stderr)
            return None
        program = Path(place) / "measure.py"
        program.write_text(peer.program)
        command = [str(python), str(program), str(register), str(listed), *map(str, counts)]
        said = _said(peer, command, Path(place))
    if said is None:
        return None
    return Figures(peer.name, said["offline"], {int(n): took for n, took in said["online"].items()})


def _said(peer: Peer, command: Sequence[str], place: Path) -> Said | None:
    with (place / "out").open("w+") as out, (place / "err").open("w+") as err:
        # A session of its own: a peer's parties are processes too, and none may be left behind.
        running = subprocess.Popen(command, stdout=out, stderr=err, cwd=place, start_new_session=True)
        try:
            failed = running.wait(_MEASURE_SECONDS) != 0
        except subprocess.TimeoutExpired:
            failed = True
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        out.seek(0)
        err.seek(0)
        if failed:
            print(f"{peer.name}: failed\n{err.read()[-2000:]}", file=sys.stderr)
            return None
        said: Said = json.loads(out.read().splitlines()[-1])
        return said
