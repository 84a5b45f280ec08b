"""A gRPC server by grpcio, for the tests: the services of tests/scenarios/broken/shop.proto, and reflection.

Usage: grpc.py LOG DESCRIPTORS [gzip] [v1] [v1alpha] [tls]. With `tls` it reads server.pem and server.key beside LOG. Writes the set of its descriptors to a file, prints its port, logs
each call, and ends when its standard input closes.
"""

import os
import sys

# This file must not be found as `grpc`.
sys.path = [path for path in sys.path if os.path.abspath(path) != os.path.dirname(os.path.abspath(__file__))]

import time
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, timestamp_pb2

FIELD = descriptor_pb2.FieldDescriptorProto


def field(message, name, number, kind, label=FIELD.LABEL_OPTIONAL, type_name=None, oneof=None):
    made = message.field.add(name=name, number=number, type=kind, label=label)
    if type_name:
        made.type_name = type_name
    if oneof is not None:
        made.oneof_index = oneof


def shop():
    file = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="shop", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    state = file.enum_type.add(name="State")
    for number, name in enumerate(["UNKNOWN", "OPEN", "PAID"]):
        state.value.add(name=name, number=number)
    item = file.message_type.add(name="Item")
    field(item, "name", 1, FIELD.TYPE_STRING)
    field(item, "amount", 2, FIELD.TYPE_INT32)
    get = file.message_type.add(name="GetRequest")
    prices = get.nested_type.add(name="PricesEntry")
    prices.options.map_entry = True
    field(prices, "key", 1, FIELD.TYPE_STRING)
    field(prices, "value", 2, FIELD.TYPE_INT64)
    get.oneof_decl.add(name="customer")
    repeated = FIELD.LABEL_REPEATED
    field(get, "id", 1, FIELD.TYPE_STRING)
    field(get, "items", 2, FIELD.TYPE_MESSAGE, repeated, ".shop.Item")
    field(get, "prices", 3, FIELD.TYPE_MESSAGE, repeated, ".shop.GetRequest.PricesEntry")
    field(get, "state", 4, FIELD.TYPE_ENUM, type_name=".shop.State")
    field(get, "token", 5, FIELD.TYPE_BYTES)
    field(get, "rate", 6, FIELD.TYPE_DOUBLE)
    field(get, "deep", 7, FIELD.TYPE_BOOL)
    field(get, "placed_at", 8, FIELD.TYPE_MESSAGE, type_name=".google.protobuf.Timestamp")
    field(get, "name", 9, FIELD.TYPE_STRING, oneof=0)
    field(get, "number", 10, FIELD.TYPE_UINT64, oneof=0)
    field(get, "codes", 11, FIELD.TYPE_SINT32, repeated)
    order = file.message_type.add(name="Order")
    field(order, "id", 1, FIELD.TYPE_STRING)
    field(order, "total", 2, FIELD.TYPE_INT64)
    field(order, "seen", 3, FIELD.TYPE_STRING)
    service = file.service.add(name="Orders")
    for name in ["Get", "Fail", "Slow", "Watch", "Collect", "Talk"]:
        service.method.add(
            name=name,
            input_type=".shop.GetRequest",
            output_type=".shop.Order",
            client_streaming=name in ["Collect", "Talk"],
            server_streaming=name in ["Watch", "Talk"],
        )
    return file


def reflection():
    """The messages of gRPC's reflection, as far as they are needed."""
    file = descriptor_pb2.FileDescriptorProto(name="reflection.proto", package="r", syntax="proto3")
    ask = file.message_type.add(name="Ask")
    field(ask, "file_by_filename", 3, FIELD.TYPE_STRING)
    field(ask, "file_containing_symbol", 4, FIELD.TYPE_STRING)
    files = file.message_type.add(name="Files")
    field(files, "file", 1, FIELD.TYPE_BYTES, FIELD.LABEL_REPEATED)
    error = file.message_type.add(name="Error")
    field(error, "code", 1, FIELD.TYPE_INT32)
    field(error, "text", 2, FIELD.TYPE_STRING)
    answer = file.message_type.add(name="Answer")
    field(answer, "files", 4, FIELD.TYPE_MESSAGE, type_name=".r.Files")
    field(answer, "error", 7, FIELD.TYPE_MESSAGE, type_name=".r.Error")
    return file


def messages(pool, *names):
    found = [pool.FindMessageTypeByName(name) for name in names]
    if hasattr(message_factory, "GetMessageClass"):
        return [message_factory.GetMessageClass(one) for one in found]
    factory = message_factory.MessageFactory(pool)
    return [factory.GetPrototype(one) for one in found]


log_path, descriptors_path, *flags = sys.argv[1:]
log = open(log_path, "w", buffering=1)
timestamp = descriptor_pb2.FileDescriptorProto()
timestamp_pb2.DESCRIPTOR.CopyToProto(timestamp)
known = [timestamp, shop(), reflection()]
pool = descriptor_pool.DescriptorPool()
for one in known:
    pool.Add(one)
GetRequest, Order, Ask, Answer = messages(pool, "shop.GetRequest", "shop.Order", "r.Ask", "r.Answer")
with open(descriptors_path, "wb") as out:
    out.write(descriptor_pb2.FileDescriptorSet(file=known[:2]).SerializeToString())


def note(name, context):
    sent = dict(context.invocation_metadata())
    left = context.time_remaining()
    word = "-" if left is None else f"{left:.1f}"
    log.write(f"{name} {sent.get('x-request-id', '-')} {word} {sent.get('user-agent', '-').split('/')[0]}\n")


def get(asked, context):
    note("Get", context)
    context.send_initial_metadata([("x-shop", "main")])
    context.set_trailing_metadata([("x-cost", "7")])
    seen = json_format.MessageToJson(asked, sort_keys=True, indent=None, preserving_proto_field_name=True)
    total = sum(item.amount for item in asked.items)
    return Order(id=asked.id, total=total, seen=seen)


def fail(asked, context):
    note("Fail", context)
    codes = [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.OK]
    if asked.state < 2:
        context.abort(codes[asked.state], "no order é, 100% sure")
    return Order()


def slow(asked, context):
    note("Slow", context)
    time.sleep(2)
    return Order()


def watch(asked, context):
    note("Watch", context)
    for item in asked.items:
        time.sleep(0.02)
        yield Order(id=item.name, total=item.amount)
    context.set_trailing_metadata([("x-cost", "7")])
    if asked.state == 1:
        context.abort(grpc.StatusCode.UNAVAILABLE, "no more é")


def collect(asked, context):
    note("Collect", context)
    every = list(asked)
    return Order(id=" ".join(one.id for one in every), total=len(every))


def talk(asked, context):
    note("Talk", context)
    for one in asked:
        yield Order(id=one.id, total=len(one.items))


def reflect(asked, context):
    for one in asked:
        log.write(f"reflection {one.file_containing_symbol or one.file_by_filename}\n")
        by_name = {file.name: file for file in known}
        found = by_name.get(one.file_by_filename)
        if one.file_containing_symbol == "shop.Orders":
            found = by_name["shop.proto"]
        answer = Answer()
        if found is None:
            answer.error.code = 5
            answer.error.text = "no such symbol"
        else:
            answer.files.file.append(found.SerializeToString())
        yield answer


def serialized(message):
    return message.SerializeToString()


options = {"request_deserializer": GetRequest.FromString, "response_serializer": serialized}
orders = {
    "Get": grpc.unary_unary_rpc_method_handler(get, **options),
    "Fail": grpc.unary_unary_rpc_method_handler(fail, **options),
    "Slow": grpc.unary_unary_rpc_method_handler(slow, **options),
    "Watch": grpc.unary_stream_rpc_method_handler(watch, **options),
    "Collect": grpc.stream_unary_rpc_method_handler(collect, **options),
    "Talk": grpc.stream_stream_rpc_method_handler(talk, **options),
}
handlers = [grpc.method_handlers_generic_handler("shop.Orders", orders)]
for version in ["v1", "v1alpha"]:
    if version in flags:
        handler = grpc.stream_stream_rpc_method_handler(
            reflect, request_deserializer=Ask.FromString, response_serializer=serialized
        )
        name = f"grpc.reflection.{version}.ServerReflection"
        handlers.append(grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler}))
compression = grpc.Compression.Gzip if "gzip" in flags else grpc.Compression.NoCompression
server = grpc.server(futures.ThreadPoolExecutor(max_workers=20), compression=compression)
server.add_generic_rpc_handlers(handlers)
if "tls" in flags:
    folder = os.path.dirname(log_path)
    key, certificate = [open(os.path.join(folder, name), "rb").read() for name in ["server.key", "server.pem"]]
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
else:
    port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(0)
