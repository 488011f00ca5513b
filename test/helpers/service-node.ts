// A node of the article with what its flows leave to kube-proxy: Services by DNAT and a choice of endpoints, and SNAT
// towards the outside, each in the tables where Antrea put them later. For tests of caches, whose ways are longest
// here.
import { readFileSync } from 'node:fs';
import { flowsPath, portsFile } from './article.js';

export const GATEWAY_MAC = '4e:99:08:c1:53:be';
/** Of pods that are routed to. */
export const VIRTUAL_MAC = 'aa:bb:cc:dd:ee:ff';
export const SERVICE = '10.96.0.10';
export const OUTSIDE = '198.51.100.9';
export const NODE_IP = '10.79.1.201';
const ZONE = 65520;
export const SNAT_ZONE = 65521;

/** Taken out of the article's flows: what tracks, and what commits. */
const REPLACED = /table=(30|105),/;

const SERVICES = [
  `table=30,priority=210,ip,in_port="antrea-gw0",nw_dst=${NODE_IP} actions=ct(table=29,zone=${SNAT_ZONE},nat)`,
  `table=30,priority=200,ip actions=ct(table=31,zone=${ZONE},nat)`,
  `table=29,priority=0,ip actions=ct(table=31,zone=${ZONE},nat)`,
  // Both ways of a Service's connection are routed here, not by the host.
  `table=31,priority=210,ct_state=-new+trk,ct_mark=0x21,ip actions=load:0xaabbccddeeff->NXM_OF_ETH_DST[],resubmit(,40)`,
  `table=40,priority=210,ct_state=+new+trk,tcp,nw_dst=${SERVICE} actions=load:0xaabbccddeeff->NXM_OF_ETH_DST[],group:1`,
  `table=40,priority=210,ct_state=+new+trk,udp,nw_dst=${SERVICE} actions=load:0xaabbccddeeff->NXM_OF_ETH_DST[],group:2`,
  // DSCP 1 and 2 mark a connection anew.
  `table=105,priority=220,ip,nw_tos=4 actions=ct(commit,table=106,zone=${ZONE},exec(load:0x30->NXM_NX_CT_MARK[]))`,
  `table=105,priority=220,ip,nw_tos=8 actions=ct(commit,table=106,zone=${ZONE},exec(load:0x21->NXM_NX_CT_MARK[]))`,
  `table=105,priority=200,ct_state=+new+trk,ip,reg0=0x1/0xffff ` +
    `actions=ct(commit,table=106,zone=${ZONE},exec(load:0x20->NXM_NX_CT_MARK[]))`,
  `table=105,priority=190,ct_state=+new+trk,ip actions=ct(commit,table=106,zone=${ZONE})`,
  'table=105,priority=0 actions=resubmit(,106)',
  `table=106,priority=210,ct_state=+new+trk,ip,nw_dst=${OUTSIDE} ` +
    `actions=ct(commit,table=110,zone=${SNAT_ZONE},nat(src=${NODE_IP}))`,
  `table=106,priority=200,ct_state=-new+trk,ip,nw_dst=${OUTSIDE} actions=ct(table=110,zone=${SNAT_ZONE},nat)`,
  'table=106,priority=0 actions=resubmit(,110)',
];

export const SERVICE_FLOWS = readFileSync(flowsPath('worker1'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#') && !REPLACED.test(line))
  .concat(SERVICES);

export const SERVICE_PORTS = portsFile('worker1');

function endpoint(id: number, weight: number, nw_dst: string, port: number): string {
  const commit = `ct(commit,table=50,zone=${ZONE},nat(dst=${nw_dst}:${port}),exec(load:0x21->NXM_NX_CT_MARK[]))`;
  return `bucket=bucket_id:${id},weight:${weight},actions=${commit}`;
}

/** The Service's endpoints: of HTTP two, a choice that `weights` moves; of DNS one, or another. */
export function serviceGroups(weights: readonly [number, number], dns = '10.222.1.2'): string {
  const head = 'selection_method=hash,fields(ip_src,tcp_src)';
  const http = [endpoint(1, weights[0], '10.222.1.47', 80), endpoint(2, weights[1], '10.222.1.3', 80)];
  return `group_id=1,type=select,${head},${http.join(',')}\ngroup_id=2,type=all,${endpoint(1, 0, dns, 53).replace(',weight:0', '')}`;
}
