// A tunnelled frame on the wire: inner and outer headers stacked, and the arithmetic of the MTU.
import type { Wire } from '../../../schema/walk.js';
import { HeaderStack } from '../../parts/header-stack.js';

const ETHERNET = 14;

export function WireStage({ stage }: { stage: Wire }): preact.JSX.Element {
  const { frame, outer, mtu } = stage;
  const outerIp = frame.size - ETHERNET;
  const innerIp = frame.size - outer.size - ETHERNET;
  const overhead = outerIp - innerIp;
  return (
    <div class="wire-stage">
      <section aria-label="Sizes">
        <h3>{frame.size} bytes on the wire</h3>
        <div class="layers" aria-hidden="true">
          {frame.headers.map((h) => (
            <span
              key={h.at}
              class={`layer depth-${Math.min(1, h.depth)}`}
              style={{ flexGrow: h.size }}
              data-name={h.name}
            >
              <b>{h.name}</b>
              {h.size}
            </span>
          ))}
        </div>
        <table class="grid mtu">
          <tbody>
            <tr>
              <th scope="row">inner IP packet</th>
              <td>{innerIp}</td>
              <td class="dim">may be {mtu.pod}: the pods' MTU</td>
            </tr>
            <tr>
              <th scope="row">+ inner Ethernet</th>
              <td>{ETHERNET}</td>
              <td class="dim">travels inside</td>
            </tr>
            <tr>
              <th scope="row">+ Geneve, UDP, IP</th>
              <td>{overhead - ETHERNET}</td>
              <td class="dim">
                {frame.headers
                  .filter((h) => h.depth === 0 && h.name !== 'Ethernet')
                  .map((h) => `${h.name} ${h.size}`)
                  .join(' + ')}
              </td>
            </tr>
            <tr class="sum">
              <th scope="row">outer IP packet</th>
              <td>{outerIp}</td>
              <td class="dim">may be {mtu.underlay}: the wire's MTU</td>
            </tr>
          </tbody>
        </table>
        <p>
          {mtu.pod} + {overhead} = {mtu.pod + overhead}:{' '}
          {mtu.pod + overhead <= mtu.underlay
            ? `the largest frame that a pod may send fits into ${mtu.underlay} with the tunnel's headers around it; ${mtu.underlay - mtu.pod - overhead || 'nothing'} is left over.`
            : `the largest frame that a pod may send does not fit into ${mtu.underlay}: it would be cut or lost.`}
        </p>
        <p class="hint">
          UDP source port {outer.sport} is made from the inner addresses and ports: one connection keeps its way, many
          spread over all links. VNI {outer.vni}.
        </p>
      </section>
      <section aria-label="Headers">
        <h3>Headers, outer and inner</h3>
        <HeaderStack headers={frame.headers} />
      </section>
    </div>
  );
}
