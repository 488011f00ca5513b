// The switch's ports: opened in the addon from the configuration, known to the flow language by name and to translation
// by number. A port whose device vanished stays, as `gone`: its flows go on meaning it, and it works again when it is
// back.
import { InputError, SystemError } from '../errors.js';
import type { SwitchPort } from '../config.js';
import type { OfPort, PortNames } from '../openflow/ast.js';
import type { PortInfo } from '../translate/types.js';
import { readPcapFile } from '../wire/pcap.js';
import type { NativeDatapath, NativePortInfo, NativePortSpec } from './native.js';

/** Memory ports are for tests and benchmarks: not in configuration files. */
export type PortSpec =
  SwitchPort | { kind: 'memory'; name: string; ofport: number; mtu: number; mac?: string; wire?: boolean };

export interface PortStatus extends NativePortInfo {
  internal: boolean;
  mac?: string;
}

export class Ports implements PortNames {
  readonly #byNumber = new Map<OfPort, PortSpec>();
  /** Made when a translation first asks. */
  readonly #infos = new Map<OfPort, PortInfo>();
  readonly #numbers = new Map<string, OfPort>();
  /** Ports whose device vanished. */
  readonly #gone = new Set<OfPort>();

  constructor(private readonly datapath: NativeDatapath) {}

  /** Makes the names known before the devices are opened, so that a bad flow file is found out first. */
  declare(specs: readonly PortSpec[]): void {
    for (const spec of specs) {
      if (this.#numbers.has(spec.name))
        throw new InputError('EPORT', `expected each port's name once, got '${spec.name}' twice`);
      const other = this.#byNumber.get(spec.ofport);
      if (other)
        throw new InputError(
          'EPORT',
          `expected each ofport once, got ${spec.ofport} for '${other.name}' and '${spec.name}'`,
        );
      this.#byNumber.set(spec.ofport, spec);
      this.#numbers.set(spec.name, spec.ofport);
    }
  }

  /** Opens a declared port. Throws SystemError. */
  open(spec: PortSpec): NativePortInfo {
    try {
      return this.datapath.addPort(nativeSpec(spec));
    } catch (e) {
      throw systemError(e, spec);
    }
  }

  /** Opens a port that was not declared; on failure nothing has changed. */
  add(spec: PortSpec): NativePortInfo {
    this.declare([spec]);
    try {
      return this.open(spec);
    } catch (e) {
      this.#forget(spec);
      throw e;
    }
  }

  /** The device of a port vanished, or is back. */
  setGone(no: OfPort, gone: boolean): void {
    if (gone) this.#gone.add(no);
    else this.#gone.delete(no);
    this.#infos.delete(no);
  }

  remove(name: string): PortSpec {
    const spec = this.#byNumber.get(this.#numbers.get(name) ?? -1);
    if (!spec)
      throw new InputError(
        'EPORT',
        `expected the name of a port, got '${name}'; the ports are ${this.names().join(', ') || 'none'}`,
      );
    this.datapath.delPort(spec.ofport);
    this.#forget(spec);
    return spec;
  }

  byName(name: string): OfPort | undefined {
    return this.#numbers.get(name);
  }

  byNumber(port: OfPort): string | undefined {
    return this.#byNumber.get(port)?.name;
  }

  names(): string[] {
    return [...this.#numbers.keys()];
  }

  info(no: OfPort): PortInfo | undefined {
    const known = this.#infos.get(no);
    if (known) return known;
    const spec = this.#byNumber.get(no);
    if (!spec) return undefined;
    const info = { ...portInfo(spec), ...(this.#gone.has(no) ? { down: true } : {}) };
    this.#infos.set(no, info);
    return info;
  }

  *infos(): Iterable<PortInfo> {
    for (const spec of this.#byNumber.values()) yield portInfo(spec);
  }

  status(): PortStatus[] {
    return this.datapath
      .ports()
      .map((p) => {
        const info = this.info(p.no);
        return { ...p, internal: info?.kind === 'internal', ...(info?.mac ? { mac: info.mac } : {}) };
      })
      .sort((a, b) => a.no - b.no);
  }

  #forget(spec: PortSpec): void {
    this.#gone.delete(spec.ofport);
    this.#infos.delete(spec.ofport);
    this.#byNumber.delete(spec.ofport);
    this.#numbers.delete(spec.name);
  }
}

function portInfo(spec: PortSpec): PortInfo {
  const mac = 'mac' in spec ? spec.mac : undefined;
  const common = { no: spec.ofport, name: spec.name, ...(mac ? { mac } : {}) };
  if (spec.kind === 'geneve') return { ...common, kind: 'geneve', tunnel: { csum: spec.csum, localIp: spec.localIp } };
  return { ...common, kind: spec.kind === 'tap' && spec.internal ? 'internal' : 'normal' };
}

function nativeSpec(spec: PortSpec): NativePortSpec {
  const common = { no: spec.ofport, name: spec.name, mtu: spec.mtu };
  if (spec.kind === 'memory') return { ...common, kind: 'memory', wire: spec.wire };
  if (spec.kind === 'pcap') return { ...common, kind: 'pcap', frames: framesOf(spec.file), loop: spec.loop };
  const netns = spec.netns === undefined || spec.netns.startsWith('/') ? spec.netns : `/run/netns/${spec.netns}`;
  switch (spec.kind) {
    case 'tap':
      return { ...common, kind: 'tap', ifname: spec.ifname, netns, mac: spec.mac };
    case 'veth':
      return { ...common, kind: 'veth', ifname: spec.ifname, netns };
    case 'geneve':
      return {
        ...common,
        kind: 'geneve',
        netns,
        udpPort: spec.udpPort,
        csum: spec.csum,
        localIp: spec.localIp,
        ipv6: spec.ipv6,
      };
  }
}

const ADVICE: Record<string, string> = {
  EPERM: 'needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN',
  EACCES: 'needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN',
  EBUSY: 'another process holds this device',
  EADDRINUSE: 'another process, perhaps another switch, has this UDP port in this namespace',
  ENODEV: 'make the interface first, or check its name',
};

/** The addon's refusal, with the port's name and what to do. */
function systemError(e: unknown, spec: PortSpec): unknown {
  const {
    code,
    syscall = 'open',
    object = spec.name,
    errnoName = 'EUNKNOWN',
  } = e as {
    code?: string;
    syscall?: string;
    object?: string;
    errnoName?: string;
  };
  if (code !== 'ESYSTEM') return e;
  const missing =
    errnoName === 'ENOENT'
      ? object.includes('netns')
        ? 'make the namespace first: ip netns add NAME'
        : 'check that it exists'
      : undefined;
  const advice = ADVICE[errnoName] ?? missing;
  return new SystemError(syscall, `${object} (port ${spec.name})`, errnoName, advice);
}

function framesOf(file: string | undefined): Uint8Array[] {
  return file === undefined ? [] : readPcapFile(file).map((record) => record.frame);
}
