"""gRPC as every party uses it: mutual TLS 1.3, peers named by their certificates, errors with reasons."""
