"""Asks a gRPC server for its health with grpcio-health-checking, one JSON line per answer.

health_client.py ADDRESS check SERVICE...   asks once about each service
health_client.py ADDRESS watch SERVICE      says every change until the server ends the stream
"""

import json
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def say(service, status):
    print(json.dumps({"service": service, "status": status}), flush=True)


def name_of(answer):
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def check(stub, services):
    for service in services:
        try:
            say(service, name_of(stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)))
        except grpc.RpcError as error:
            say(service, error.code().name)


def watch(stub, service):
    try:
        for answer in stub.Watch(health_pb2.HealthCheckRequest(service=service)):
            say(service, name_of(answer))
    except grpc.RpcError as error:
        say(service, error.code().name)


address, verb, *services = sys.argv[1:]
with grpc.insecure_channel(address) as channel:
    client = health_pb2_grpc.HealthStub(channel)
    if verb == "check":
        check(client, services)
    else:
        watch(client, services[0])
