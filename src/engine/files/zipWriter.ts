/** Writing zip archives front to back, with fixed dates and zip64 where it is needed: the same members give the same bytes. */

export interface ZipMemberFacts {
  name: string;
  crc: number;
  /** Bytes in the archive, and unpacked. */
  packed: number;
  size: number;
  /** Offset of its header. */
  at: number;
  deflated: boolean;
}

/** 1980-01-01: the same content gives the same bytes. */
const dosDate = 0x0021;
const deflate = 8;
/** Bit 11: names are UTF-8. */
const utf8Flag = 0x0800;
const limit32 = 0xffffffff;

/** @param wide sizes of 8 bytes; needed above 4 GB, and where a header is written before the size is known. */
export function localHeader(member: ZipMemberFacts, wide = isWide(member)): Buffer {
  const name = Buffer.from(member.name);
  const extra = wide ? zip64Extra([member.size, member.packed]) : Buffer.alloc(0);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  commonFields(header, 4, member, wide);
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, name, extra]);
}

/** The directory, which stands behind the members. @param start its offset. */
export function zipDirectory(members: readonly ZipMemberFacts[], start: number): Buffer {
  const entries = Buffer.concat(members.map(centralHeader));
  return Buffer.concat([entries, end(members.length, start, entries.length)]);
}

function isWide({ size, packed }: ZipMemberFacts): boolean {
  return size >= limit32 || packed >= limit32;
}

function centralHeader(member: ZipMemberFacts): Buffer {
  const name = Buffer.from(member.name);
  const wide = isWide(member);
  const far = member.at >= limit32;
  const extra =
    wide || far
      ? zip64Extra([...(wide ? [member.size, member.packed] : []), ...(far ? [member.at] : [])])
      : Buffer.alloc(0);
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(45, 4);
  commonFields(header, 6, member, wide);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt16LE(extra.length, 30);
  header.writeUInt32LE(far ? limit32 : member.at, 42);
  return Buffer.concat([header, name, extra]);
}

/** Version, flags, method, date, checksum and sizes: the same run of fields in both headers. */
function commonFields(header: Buffer, at: number, member: ZipMemberFacts, wide: boolean): void {
  header.writeUInt16LE(wide ? 45 : 20, at);
  header.writeUInt16LE(utf8Flag, at + 2);
  header.writeUInt16LE(member.deflated ? deflate : 0, at + 4);
  header.writeUInt16LE(dosDate, at + 8);
  header.writeUInt32LE(member.crc, at + 10);
  header.writeUInt32LE(wide ? limit32 : member.packed, at + 14);
  header.writeUInt32LE(wide ? limit32 : member.size, at + 18);
}

function end(count: number, start: number, size: number): Buffer {
  const wide = start >= limit32 || size >= limit32 || count >= 0xffff;
  const last = Buffer.alloc(22);
  last.writeUInt32LE(0x06054b50, 0);
  last.writeUInt16LE(wide ? 0xffff : count, 8);
  last.writeUInt16LE(wide ? 0xffff : count, 10);
  last.writeUInt32LE(wide ? limit32 : size, 12);
  last.writeUInt32LE(wide ? limit32 : start, 16);
  if (!wide) return last;
  const end64 = Buffer.alloc(56 + 20);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(44n, 4);
  end64.writeUInt16LE(45, 12);
  end64.writeUInt16LE(45, 14);
  end64.writeBigUInt64LE(BigInt(count), 24);
  end64.writeBigUInt64LE(BigInt(count), 32);
  end64.writeBigUInt64LE(BigInt(size), 40);
  end64.writeBigUInt64LE(BigInt(start), 48);
  end64.writeUInt32LE(0x07064b50, 56);
  end64.writeBigUInt64LE(BigInt(start + size), 64);
  end64.writeUInt32LE(1, 72);
  return Buffer.concat([end64, last]);
}

function zip64Extra(values: number[]): Buffer {
  const extra = Buffer.alloc(4 + values.length * 8);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(values.length * 8, 2);
  values.forEach((value, i) => extra.writeBigUInt64LE(BigInt(value), 4 + i * 8));
  return extra;
}
