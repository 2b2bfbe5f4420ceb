"""Importing this leaves TLS 1.3 as the only version that this process can negotiate over gRPC.

gRPC's Python API cannot set a lowest TLS version. A TLS 1.2 list that holds only a pre-shared-key suite, for
which no key is ever configured, has the same effect. gRPC reads the variable once, when it is first imported,
so a program imports this before anything else; where gRPC was imported earlier, `stayput.rpc.server` refuses
the calls one by one.
"""

import os

os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-PSK-AES256-CBC-SHA"
