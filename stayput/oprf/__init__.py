"""Oblivious pseudorandom function: RFC 9497, suite ristretto255-SHA512, modes OPRF and VOPRF.

The server holds a key, the client inputs. The client gets the pseudorandom output of each input under that
key; the server learns how many there were, and the client nothing about the key. Lists go in and lists come
out, in one order, and randomness is an argument: nothing here draws any, waits or keeps state.

The server has a key and publishes its public part:

    key = PrivateKey.generate(secrets.token_bytes)
    server = VerifiableServer(key)
    client = VerifiableClient(key.public_bytes())

The client blinds its inputs, each by a scalar of its own, and sends the blinded elements:

    blinding = client.blind(inputs, random_scalars(len(inputs), secrets.token_bytes))

The server evaluates them. It takes any canonical encoding of a group element other than the identity:

    evaluated = server.blind_evaluate(blinding.elements)

Only now does the client say which of them it wants proved, and in what order:

    indices = draw_indices(len(inputs), secrets.SystemRandom())
    [nonce] = random_scalars(1, secrets.token_bytes)
    proof = server.prove(chosen(blinding.elements, indices), chosen(evaluated, indices), nonce)
    client.verify(chosen(blinding.elements, indices), chosen(evaluated, indices), proof)

Up to 1,000 elements that is all of them, so any wrong answer shows; of a larger session it is a sample, and
`detection_probability` tells how surely it has a wrong one. Then outputs may be used:

    outputs = client.finalize(blinding, evaluated)

They are those that the server computes of its own inputs, with no client:

    assert outputs == server.evaluate(inputs)

`Server` and `Client` are the same without proof, under another domain: mode OPRF's outputs are not VOPRF's.
"""

from stayput.oprf.client import Blinding, Client, VerifiableClient
from stayput.oprf.context import Mode
from stayput.oprf.group import ELEMENT_BYTES, HASH_BYTES, SCALAR_BYTES, random_scalars
from stayput.oprf.keys import PrivateKey
from stayput.oprf.sampling import WHOLE_UP_TO, chosen, detection_probability, draw_indices
from stayput.oprf.server import Server, VerifiableServer

__all__ = [
    "ELEMENT_BYTES",
    "HASH_BYTES",
    "SCALAR_BYTES",
    "WHOLE_UP_TO",
    "Blinding",
    "Client",
    "Mode",
    "PrivateKey",
    "Server",
    "VerifiableClient",
    "VerifiableServer",
    "chosen",
    "detection_probability",
    "draw_indices",
    "random_scalars",
]
