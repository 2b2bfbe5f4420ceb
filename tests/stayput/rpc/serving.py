"""A server in a process of its own, where it matters what is imported first.

    python -m tests.stayput.rpc.serving ORDER CREDENTIALS

ORDER is `only-tls13-first` or `grpc-first`, CREDENTIALS a JSON file. Prints its port and serves until
stdin closes.
"""

import asyncio
import importlib
import json
import sys
from pathlib import Path


async def _serve(credentials: dict[str, str]) -> None:
    tls = importlib.import_module("stayput.rpc.tls")
    server_side = importlib.import_module("stayput.rpc.server")
    services = importlib.import_module("stayput.v1.comparison_pb2_grpc")
    scripted = importlib.import_module("tests.stayput.rpc.scripted")
    server = tls.server([server_side.ErrorInterceptor()])
    services.add_ComparisonServiceServicer_to_server(scripted.Scripted(scripted.do_nothing), server)
    encoded = {name: value.encode() for name, value in credentials.items()}
    port = tls.listen(server, "127.0.0.1:0", tls.Credentials(**encoded))
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


if __name__ == "__main__":
    importlib.import_module("grpc" if sys.argv[1] == "grpc-first" else "stayput.rpc.only_tls13")
    asyncio.run(_serve(json.loads(Path(sys.argv[2]).read_text())))
