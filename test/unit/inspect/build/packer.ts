/** Bytes to be packed field by field: headers of hostile files are written as their specifications lay them out. */
export class Packer {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  static ofSize(size: number): Packer {
    return new Packer(new Uint8Array(size));
  }

  /** A packer over a longer or shorter copy. */
  resized(size: number): Packer {
    const copy = new Uint8Array(size);
    copy.set(this.bytes.subarray(0, size));
    return new Packer(copy);
  }

  u8(offset: number, value: number): this {
    this.#view.setUint8(offset, value);
    return this;
  }

  u16be(offset: number, value: number): this {
    this.#view.setUint16(offset, value);
    return this;
  }

  u16le(offset: number, value: number): this {
    this.#view.setUint16(offset, value, true);
    return this;
  }

  u32be(offset: number, value: number): this {
    this.#view.setUint32(offset, value);
    return this;
  }

  u32le(offset: number, value: number): this {
    this.#view.setUint32(offset, value, true);
    return this;
  }

  u64be(offset: number, value: bigint | number): this {
    this.#view.setBigUint64(offset, BigInt(value));
    return this;
  }

  u64le(offset: number, value: bigint | number): this {
    this.#view.setBigUint64(offset, BigInt(value), true);
    return this;
  }

  ascii(offset: number, text: string): this {
    for (let i = 0; i < text.length; i++) this.u8(offset + i, text.charCodeAt(i));
    return this;
  }

  put(offset: number, bytes: ArrayLike<number>): this {
    this.bytes.set(bytes, offset);
    return this;
  }

  fill(offset: number, length: number, value: number): this {
    this.bytes.fill(value, offset, offset + length);
    return this;
  }
}
