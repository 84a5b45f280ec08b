"""Asks a gRPC server what it has, by grpcio, in both versions of reflection, for the tests.

Usage: reflection.py HOST:PORT. Prints a line for each version: the services, the methods of the first one as the
file says that describes it, and what the server says of a service that it does not have.
"""

import os
import sys

# Files of this folder must not be found as modules.
sys.path = [path for path in sys.path if os.path.abspath(path) != os.path.dirname(os.path.abspath(__file__))]

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto


def schema():
    """The part of the service's messages that is needed here, as its specification numbers the fields."""
    file = descriptor_pb2.FileDescriptorProto(name="reflection.proto", package="r", syntax="proto3")
    fields = {
        "Question": [("file_containing_symbol", 4, FIELD.TYPE_STRING, False), ("list_services", 7, FIELD.TYPE_STRING, False)],
        "Files": [("file_descriptor_proto", 1, FIELD.TYPE_BYTES, True)],
        "Service": [("name", 1, FIELD.TYPE_STRING, False)],
        "Services": [("service", 1, "Service", True)],
        "Error": [("error_code", 1, FIELD.TYPE_INT32, False), ("error_message", 2, FIELD.TYPE_STRING, False)],
        "Answer": [("files", 4, "Files", False), ("services", 6, "Services", False), ("error", 7, "Error", False)],
    }
    for name, of in fields.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in of:
            label = FIELD.LABEL_REPEATED if repeated else FIELD.LABEL_OPTIONAL
            made = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                made.type, made.type_name = FIELD.TYPE_MESSAGE, ".r." + kind
            else:
                made.type = kind
    return file


pool = descriptor_pool.DescriptorPool()
pool.Add(schema())
make = message_factory.MessageFactory(pool).GetPrototype
Question, Answer = (make(pool.FindMessageTypeByName("r." + name)) for name in ("Question", "Answer"))

with grpc.insecure_channel(sys.argv[1]) as channel:
    for version in ("v1", "v1alpha"):
        ask = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=Question.SerializeToString,
            response_deserializer=Answer.FromString,
        )
        questions = [Question(list_services="*"), Question(file_containing_symbol="loadgen.Echo"), Question(file_containing_symbol="shop.Orders")]
        listed, described, unknown = ask(iter(questions), timeout=20)
        services = [service.name for service in listed.services.service]
        [file] = [descriptor_pb2.FileDescriptorProto.FromString(file) for file in described.files.file_descriptor_proto]
        # The file is whole: it can be added to a pool of its own.
        own = descriptor_pool.DescriptorPool()
        own.Add(file)
        methods = [method.name for method in own.FindServiceByName(services[0]).methods]
        print(version, *services, *methods, unknown.error.error_code)
