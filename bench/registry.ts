// Every contender and every trial, by the names that everyone uses.
import { direct } from './contenders/direct.js';
import { linuxBridge } from './contenders/linux-bridge.js';
import { ovsDpdk } from './contenders/ovs-dpdk.js';
import { ovsKernel } from './contenders/ovs-kernel.js';
import { ovsNetdevPlain, ovsNetdevTso } from './contenders/ovs-netdev.js';
import { packetwalkTap, packetwalkVeth } from './contenders/packetwalk.js';
import { datapathTrials } from './trials/datapath.js';
import { requestResponse } from './trials/request-response.js';
import { tcp1Stream } from './trials/tcp-1-stream.js';
import { udp64b } from './trials/udp-64b.js';
import type { Contender, Trial } from './types.js';

export const CONTENDERS: readonly Contender[] = [
  packetwalkTap, packetwalkVeth, linuxBridge, direct, ovsKernel, ovsNetdevTso, ovsNetdevPlain, ovsDpdk,
];
export const TRIALS: readonly Trial[] = [udp64b, tcp1Stream, requestResponse, ...datapathTrials];
/** Whose ratio to the others is reported. */
export const OURS = 'packetwalk';
/** Runs only when named: slow, and never the best that OVS can do. */
export const ON_REQUEST = new Set(['ovs-netdev']);
