// A switch on paper with three ports, a tunnel and the flows of a test.
import { formatActions } from '../../dataplane/datapath/format-actions.js';
import { formatFlow } from '../../dataplane/openflow/index.js';
import {
  formatTrace,
  makeOfflineSwitch,
  type OfflineSwitch,
  type Trace,
  traceFlow,
} from '../../dataplane/trace/index.js';
import { type Translation, type TranslateOptions, translatePacket } from '../../dataplane/translate/index.js';
import { packet } from './flows.js';

const PORTS = {
  bridge: 'br0',
  tlv_map: '{class=0x0104,type=0x80,len=4}->tun_metadata0',
  ports: [
    { name: 'p1', ofport: 1 },
    { name: 'p2', ofport: 2 },
    { name: 'p3', ofport: 3 },
    { name: 'tun', ofport: 10, type: 'geneve', options: { csum: 'true', key: 'flow', remote_ip: 'flow' } },
    { name: 'fixed', ofport: 11, type: 'geneve', options: { key: '7', remote_ip: '203.0.113.9' } },
  ],
};

export const TCP =
  'tcp,in_port=1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,' +
  'nw_src=192.0.2.1,nw_dst=198.51.100.2,nw_ttl=64,tcp_src=1000,tcp_dst=80';
export const ARP =
  'arp,in_port=1,dl_src=02:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,' +
  'arp_op=1,arp_spa=192.0.2.1,arp_tpa=192.0.2.2,arp_sha=02:00:00:00:00:01';

export class PaperSwitch {
  readonly offline: OfflineSwitch;

  constructor(...flows: string[]) {
    this.offline = makeOfflineSwitch([{ name: 'test', text: flows.join('\n') }], PORTS);
  }

  translate(text: string, options: TranslateOptions = {}): Translation {
    return translatePacket(this.offline.env, packet(text, this.offline.ports), options);
  }

  /** Datapath actions as text; what the mask looks at, too. */
  run(text: string): { actions: string; mask: string; translation: Translation } {
    const flow = packet(text, this.offline.ports);
    const translation = translatePacket(this.offline.env, flow);
    return {
      actions: formatActions(translation.actions, flow, { options: this.offline.tlvMap.mappings }),
      mask: formatFlow(flow, translation.mask, { tlvMap: this.offline.tlvMap }),
      translation,
    };
  }

  actions(text: string): string {
    return this.run(text).actions;
  }

  trace(text: string, ctNext: string[] = []): Trace {
    const { env, tlvMap, bridge, ports } = this.offline;
    return traceFlow(env, packet(text, ports), { tlvMap, bridge, ctNext });
  }

  traceText(text: string, ctNext: string[] = []): string {
    return formatTrace(this.trace(text, ctNext));
  }
}
