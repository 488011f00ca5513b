// Connection tracking and the fragments in front of it, as the switch and its commands use them: what the addon knows,
// and the timeout policies and limits of zones, which come from the configuration and from the control socket.
import type { ConntrackConfig } from '../config.js';
import type {
  NativeConntrackStats,
  NativeCtFilter,
  NativeCtLimit,
  NativeDatapath,
  NativeFragmentStatus,
} from './native.js';
import { DEFAULT_TIMEOUTS, type TimeoutPolicy, USED_TIMEOUTS } from './timeouts.js';

/** Of a limit: the one that zones without their own share. */
export const DEFAULT_ZONE = -1;

export class Conntrack {
  readonly #datapath: NativeDatapath;
  readonly #defaults: TimeoutPolicy & typeof DEFAULT_TIMEOUTS;
  readonly #policies = new Map<number, TimeoutPolicy>();

  constructor(datapath: NativeDatapath, config: ConntrackConfig) {
    this.#datapath = datapath;
    this.#defaults = { ...DEFAULT_TIMEOUTS, ...config.timeouts };
    datapath.ctSetTimeouts(DEFAULT_ZONE, this.#seconds({}));
    if (config.defaultLimit !== undefined) this.setLimit(DEFAULT_ZONE, config.defaultLimit);
    for (const [zone, { limit, timeouts }] of Object.entries(config.zones)) {
      if (limit !== undefined) this.setLimit(Number(zone), limit);
      if (timeouts) this.setTimeouts(Number(zone), timeouts);
    }
  }

  /** Lines of dpctl/dump-conntrack, with `more` of its -m, with `stats` of its -s. */
  dump(options: NativeCtFilter & { more?: boolean; stats?: boolean } = {}): string[] {
    return this.#datapath.ctDump(options);
  }

  /** How many connections were forgotten. */
  flush(filter: NativeCtFilter = {}): number {
    return this.#datapath.ctFlush(filter);
  }

  stats(): NativeConntrackStats {
    return this.#datapath.ctStats();
  }

  setMaxConnections(max: number): void {
    this.#datapath.ctSetMax(max);
  }

  /** TCP segments outside of the window are then as good as others. */
  setTcpBeLiberal(is: boolean): void {
    this.#datapath.ctSetTcpBeLiberal(is);
  }

  limits(): NativeCtLimit[] {
    return this.#datapath.ctLimits();
  }

  /** Connections that the zone (or DEFAULT_ZONE) may have, beside those that are there now and do not count. */
  setLimit(zone: number, limit: number): void {
    this.#datapath.ctSetLimit(zone, limit);
  }

  delLimit(zone: number): void {
    this.#datapath.ctDelLimit(zone);
  }

  /** For connections of zones without a policy. Seconds. */
  defaultTimeouts(): TimeoutPolicy {
    return { ...this.#defaults };
  }

  /** Policies of zones, by zone. */
  timeouts(): [number, TimeoutPolicy][] {
    return [...this.#policies].sort(([a], [b]) => a - b);
  }

  /** For connections that the zone opens from now on; those it has stay with the defaults, as in OVS. */
  setTimeouts(zone: number, policy: TimeoutPolicy): void {
    this.#policies.set(zone, { ...policy });
    this.#datapath.ctSetTimeouts(zone, this.#seconds(policy));
  }

  /** Whether there was one. */
  delTimeouts(zone: number): boolean {
    if (!this.#policies.delete(zone)) return false;
    this.#datapath.ctDelTimeouts(zone);
    return true;
  }

  #seconds(policy: TimeoutPolicy): Uint32Array {
    const all = { ...this.#defaults, ...policy };
    return Uint32Array.from(USED_TIMEOUTS, (key) => all[key]);
  }

  fragments(datagrams = false): NativeFragmentStatus {
    return this.#datapath.fragmentStatus(datagrams);
  }

  setFragments(options: Parameters<NativeDatapath['setFragments']>[0]): void {
    this.#datapath.setFragments(options);
  }
}
