"""Networks over HTTP and gRPC, by the Open Inference Protocol, for tenants with keys.

Needs `pip install 'tf2c[serve]'`; the proto of the protocol comes with `tritonclient`.
"""
