// Every contender and every trial, by the names that everyone uses.
import { bare } from './contenders/bare.js';
import { direct } from './contenders/direct.js';
import { linuxBridge } from './contenders/linux-bridge.js';
import { ovsDpdk } from './contenders/ovs-dpdk.js';
import { ovsKernel } from './contenders/ovs-kernel.js';
import { ovsNetdevPlain, ovsNetdevTso } from './contenders/ovs-netdev.js';
import { packetwalkTap, packetwalkVeth } from './contenders/packetwalk.js';
import { connections, firstPacket } from './trials/connections.js';
import { datapathTrials } from './trials/datapath.js';
import { idle } from './trials/idle.js';
import { requestResponseFree, requestResponsePinned } from './trials/request-response.js';
import { memory, rules, rules1m, upcalls } from './trials/slow-path.js';
import { geneveTcp, tcp1Stream, tcp4Streams } from './trials/tcp.js';
import { geneve64b, udp64b, udp64bVeth, udpImix } from './trials/udp.js';
import type { Contender, Trial } from './types.js';

export const CONTENDERS: readonly Contender[] = [
  packetwalkTap,
  packetwalkVeth,
  linuxBridge,
  direct,
  bare,
  ovsKernel,
  ovsNetdevTso,
  ovsNetdevPlain,
  ovsDpdk,
];
export const TRIALS: readonly Trial[] = [
  udp64b,
  udp64bVeth,
  udpImix,
  tcp1Stream,
  tcp4Streams,
  requestResponseFree,
  requestResponsePinned,
  connections,
  firstPacket,
  geneveTcp,
  geneve64b,
  ...datapathTrials,
  upcalls,
  rules,
  rules1m,
  memory,
  idle,
];
/** Whose ratio to the others is reported. */
export const OURS = 'packetwalk';
