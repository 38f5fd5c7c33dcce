import { ShaderError, ShapeError } from "../util/errors.ts";
import { capacity, Dim, showShape } from "./tensor.ts";
import type { DType, Extent, ParamValue, Tensor } from "./tensor.ts";
import { parseWgsl } from "./wgsl.ts";
import type { Declarations, EntryPoint } from "./wgsl.ts";

/** Every dim and every parameter of one dispatch, as numbers. */
export type Sizes = Record<string, number>;
export type Constants = Record<string, number | boolean>;
export type Workgroups = readonly [x: number, y: number, z: number];
/** An identifier, a number, or a product of identifiers ("H*D"). */
export type DimSpec = string | number;
export type Feature = "f16" | "subgroups";

/** One way to run a kernel. The first variant of a kernel must run everywhere. */
export interface Variant {
  constants: Constants;
  requires?: readonly Feature[];
  /** Replaces the kernel's WGSL parts. */
  wgsl?: readonly string[];
}

export interface KernelSpec {
  /** Stem of the .wgsl file. */
  name: string;
  /** WGSL parts, put one after the other behind the generated header. */
  wgsl: readonly string[];
  entry: string;
  /** Shape of each binding the entry point uses, by the names the WGSL gives them. */
  tensors: Record<string, readonly DimSpec[]>;
  /** Bindings that may be left out when recording: an 256-byte dummy is bound. */
  optional?: readonly string[];
  workgroups: (sizes: Sizes, constants: Constants) => number | Workgroups;
  variants?: readonly (Constants | Variant)[];
  /** Index of the default variant for a shape (Dims at capacity), among those the device can run. */
  choose?: (sizes: Sizes, eligible: readonly Variant[]) => number;
  /** Its time depends on shapes alone, so that an autotuned device may choose among its variants by timing them. */
  tunable?: boolean;
  /** Constants the WGSL needs as const-expressions (sizes of register arrays), from the shape at capacity. */
  consts?: (sizes: Sizes) => Record<string, number>;
}

/** A declarative value: what to run, on what shapes, in which geometry. Compiled by the device on first use. */
export interface Kernel {
  readonly spec: KernelSpec;
  readonly id: string;
  readonly variants: readonly Variant[];
  readonly optional: ReadonlySet<string>;
}

export function defineKernel(spec: KernelSpec): Kernel {
  const variants = (spec.variants ?? [{}]).map((variant) =>
    isVariant(variant) ? variant : { constants: variant },
  );
  return { spec, id: `${spec.name}.${spec.entry}`, variants, optional: new Set(spec.optional ?? []) };
}

function isVariant(variant: Constants | Variant): variant is Variant {
  return typeof (variant as Variant).constants === "object";
}

/** One workgroup per row: rows beyond 65,535 continue in y. Kernels read `group.y * groups.x + group.x`. */
export function rows(count: number): Workgroups {
  const x = Math.min(count, 65_535);
  return x === 0 ? [0, 1, 1] : [x, Math.ceil(count / x), 1];
}

/** The WGSL of a kernel for given aliases and constants, and what the parser found in it. */
export interface KernelCode {
  code: string;
  declarations: Declarations;
  entry: EntryPoint;
}

const parsed = new Map<string, Declarations>();

function declarationsOf(kernel: Kernel, parts: readonly string[]): Declarations {
  const source = parts.join("\n");
  let declarations = parsed.get(source);
  if (!declarations) parsed.set(source, (declarations = parseWgsl(source, kernel.id)));
  return declarations;
}

/** Declarations of a kernel's entry point, checked against its TypeScript side. */
export function entryOf(kernel: Kernel, variant: Variant): { declarations: Declarations; entry: EntryPoint } {
  const declarations = declarationsOf(kernel, variant.wgsl ?? kernel.spec.wgsl);
  const entry = declarations.entries.get(kernel.spec.entry);
  if (!entry) {
    throw new ShaderError(
      `${kernel.id}: no entry point of that name, the WGSL has ${[...declarations.entries.keys()].join(", ")}`,
    );
  }
  const used = entry.bindings.map((binding) => binding.name).sort();
  const listed = Object.keys(kernel.spec.tensors).sort();
  if (used.join() !== listed.join()) {
    throw new ShaderError(
      `${kernel.id}: tensors listed are ${listed.join(", ")}; the entry point uses ${used.join(", ")}`,
    );
  }
  for (const constant of Object.keys(variant.constants)) {
    if (!declarations.overrides.has(constant)) {
      throw new ShaderError(
        `${kernel.id}: variant sets ${constant}, which the WGSL does not declare as an override`,
      );
    }
  }
  return { declarations, entry };
}

const concreteTypes = new Set(["f32", "f16", "u32", "i32"]);

/** Puts the generated header in front of the parts: enables, aliases from the bound dtypes, constants from the shape. */
export function assemble(
  kernel: Kernel,
  variant: Variant,
  tensors: Record<string, Tensor | undefined>,
  sizes: Sizes,
): KernelCode {
  const { declarations, entry } = entryOf(kernel, variant);
  const aliases = new Map<string, DType>();
  for (const binding of entry.bindings) {
    const tensor = tensors[binding.name];
    if (!tensor) continue;
    if (concreteTypes.has(binding.element)) {
      if (binding.element !== tensor.dtype) {
        throw new ShapeError(
          `${kernel.id}: dtype of ${binding.name} (${tensor.name})`,
          tensor.dtype,
          binding.element,
        );
      }
      continue;
    }
    const known = aliases.get(binding.element);
    if (known !== undefined && known !== tensor.dtype) {
      throw new ShapeError(
        `${kernel.id}: dtype of ${binding.name} (${tensor.name})`,
        tensor.dtype,
        `${known}, as the other tensors of type ${binding.element}`,
      );
    }
    aliases.set(binding.element, tensor.dtype);
  }
  for (const binding of entry.bindings) {
    if (!concreteTypes.has(binding.element) && !aliases.has(binding.element))
      aliases.set(binding.element, "f32");
  }
  const source = (variant.wgsl ?? kernel.spec.wgsl).join("\n");
  // An alias the entry point does not bind may still be named by the file's other bindings.
  for (const alias of ["scalar", "weight_scalar"]) {
    if (
      !aliases.has(alias) &&
      new RegExp(`\\b${alias}\\b`).test(source) &&
      !new RegExp(`alias\\s+${alias}\\b`).test(source)
    ) {
      aliases.set(alias, "f32");
    }
  }
  const needsF16 = declarations.usesF16 || [...aliases.values()].includes("f16");
  const header = [
    needsF16 ? "enable f16;" : "",
    variant.requires?.includes("subgroups") ? "enable subgroups;" : "",
    ...[...aliases].map(([alias, dtype]) => `alias ${alias} = ${dtype};`),
    ...Object.entries(kernel.spec.consts?.(sizes) ?? {}).map(
      ([name, value]) => `const ${name}: u32 = ${value}u;`,
    ),
  ].filter((line) => line !== "");
  return { code: [...header, source].join("\n"), declarations, entry };
}

/** Binds the identifiers of a kernel's shapes to the extents of the given tensors. */
export function bindDims(kernel: Kernel, tensors: Record<string, Tensor | undefined>): Map<string, Extent> {
  const bound = new Map<string, Extent>();
  const products: [what: string, spec: string, extent: Extent][] = [];
  for (const [name, spec] of Object.entries(kernel.spec.tensors)) {
    const tensor = tensors[name];
    if (!tensor) {
      if (kernel.optional.has(name)) continue;
      throw new ShapeError(`${kernel.id}: tensor ${name}`, "nothing", `[${spec.join(", ")}]`);
    }
    if (tensor.shape.length !== spec.length) {
      throw new ShapeError(
        `${kernel.id}: shape of ${name} (${tensor.name})`,
        showShape(tensor.shape),
        `[${spec.join(", ")}]`,
      );
    }
    spec.forEach((dim, axis) => {
      const extent = tensor.shape[axis];
      const what = `${kernel.id}: ${name} (${tensor.name}) axis ${axis}`;
      if (typeof dim === "number") {
        if (extent !== dim) throw new ShapeError(what, showShape([extent]), dim);
      } else if (dim.includes("*")) products.push([what, dim, extent]);
      else {
        const known = bound.get(dim);
        if (known === undefined) bound.set(dim, extent);
        else if (known !== extent)
          throw new ShapeError(`${what} (${dim})`, showShape([extent]), showShape([known]));
      }
    });
  }
  for (const [what, spec, extent] of products) {
    const factors = spec.split("*").map((factor) => factor.trim());
    const known = factors.map((factor) => (/^\d+$/.test(factor) ? Number(factor) : bound.get(factor)));
    if (known.every((value) => typeof value === "number") && typeof extent === "number") {
      const product = known.reduce((left, right) => left * right, 1);
      if (product !== extent) throw new ShapeError(`${what} (${spec})`, extent, product);
    }
  }
  for (const name of Object.keys(tensors)) {
    if (!(name in kernel.spec.tensors)) {
      throw new ShapeError(
        `${kernel.id}: tensor ${name}`,
        "a tensor",
        `one of ${Object.keys(kernel.spec.tensors).join(", ")}`,
      );
    }
  }
  return bound;
}

/** Numbers for every dim and parameter, with Dims at capacity and Scalars left out. */
export function sizesAtCapacity(values: ReadonlyMap<string, ParamValue>): Sizes {
  const sizes: Sizes = {};
  for (const [name, value] of values) {
    if (typeof value === "number") sizes[name] = value;
    else if (value instanceof Dim) sizes[name] = capacity(value);
  }
  return sizes;
}

/** What a tuned choice is remembered by: the kernel and its sizes, lengths rounded up to powers of two. */
export function variantKey(kernel: Kernel, sizes: Sizes): string {
  const parts = Object.entries(sizes)
    .filter(([, value]) => Number.isInteger(value) && value > 0)
    .map(([name, value]) => `${name}${2 ** Math.ceil(Math.log2(value))}`);
  return `${kernel.id} ${parts.join(" ")}`;
}
