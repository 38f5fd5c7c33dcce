/**
 * Writes ONNX models as protobuf bytes, as far as the benchmarks need them: one graph, f32 or u8 initializers stored
 * raw, nodes with integer attributes. Field numbers are those of onnx.proto3.
 */

type Bytes = Uint8Array<ArrayBuffer>;

const WIRE_VARINT = 0;
const WIRE_BYTES = 2;

function concat(parts: Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Non-negative integers only: nothing written here is negative. */
function varint(value: number): Bytes {
  const bytes: number[] = [];
  while (value >= 128) {
    bytes.push((value % 128) + 128);
    value = Math.floor(value / 128);
  }
  bytes.push(value);
  return Uint8Array.from(bytes);
}

function integer(field: number, value: number): Bytes {
  return concat([varint(field * 8 + WIRE_VARINT), varint(value)]);
}

function bytes(field: number, value: Bytes): Bytes {
  return concat([varint(field * 8 + WIRE_BYTES), varint(value.length), value]);
}

function text(field: number, value: string): Bytes {
  return bytes(field, new TextEncoder().encode(value));
}

function message(field: number, parts: Bytes[]): Bytes {
  return bytes(field, concat(parts));
}

/** TensorProto.DataType of what is written here. */
const dataTypes = { float32: 1, uint8: 2, int32: 6 } as const;

/** A constant stored in the model. */
export interface OnnxInitializer {
  name: string;
  dims: number[];
  data: Float32Array | Uint8Array | Int32Array;
}

/** A node; every attribute is an integer. */
export interface OnnxNode {
  op: string;
  domain?: string;
  inputs: string[];
  outputs: string[];
  attributes?: Record<string, number>;
}

/** An f32 input or output of the graph. */
export interface OnnxValue {
  name: string;
  dims: number[];
}

/** One graph with its constants. */
export interface OnnxGraph {
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  initializers: OnnxInitializer[];
  nodes: OnnxNode[];
}

function dataType(data: OnnxInitializer["data"]): number {
  if (data instanceof Float32Array) return dataTypes.float32;
  return data instanceof Uint8Array ? dataTypes.uint8 : dataTypes.int32;
}

function tensorProto({ name, dims, data }: OnnxInitializer): Bytes[] {
  const raw = new Uint8Array(data.byteLength);
  raw.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return [...dims.map((dim) => integer(1, dim)), integer(2, dataType(data)), text(8, name), bytes(9, raw)];
}

function nodeProto({ op, domain, inputs, outputs, attributes }: OnnxNode): Bytes[] {
  const ATTRIBUTE_INT = 2;
  const fields = Object.entries(attributes ?? {}).map(([name, value]) =>
    message(5, [text(1, name), integer(3, value), integer(20, ATTRIBUTE_INT)]),
  );
  return [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...fields,
    ...(domain ? [text(7, domain)] : []),
  ];
}

function valueInfo({ name, dims }: OnnxValue): Bytes[] {
  const shape = dims.map((dim) => message(1, [integer(1, dim)]));
  const tensorType = [integer(1, dataTypes.float32), message(2, shape)];
  return [text(1, name), message(2, [message(1, tensorType)])];
}

/** A ModelProto with the standard operators and Microsoft's contributed ones. */
export function encodeOnnx(graph: OnnxGraph): Bytes {
  return concat([
    integer(1, 9), // ir_version
    message(8, [text(1, ""), integer(2, 17)]),
    message(8, [text(1, "com.microsoft"), integer(2, 1)]),
    message(7, [
      ...graph.nodes.map((node) => message(1, nodeProto(node))),
      text(2, "benchmark"),
      ...graph.initializers.map((initializer) => message(5, tensorProto(initializer))),
      ...graph.inputs.map((value) => message(11, valueInfo(value))),
      ...graph.outputs.map((value) => message(12, valueInfo(value))),
    ]),
  ]);
}
