// The lab: the segment with its hosts, each node with its kernel, its switch's ports and its pods, all as namespaces with live
// counters. Boxes in boxes, as the machines are; the wires are drawn by the style sheet.
import type { Topology, TopologyNode, TopologyPort } from '../../schema/lab.js';
import { count } from '../parts/numbers.js';
import { type Polled, usePolled } from '../parts/poll.js';
import { api } from '../state/api.js';
import { printRoute } from '../state/route.js';

export function TopologyView(): preact.JSX.Element {
  const polled = usePolled<Topology>(() => api.topology(), []);
  const { data, error } = polled;
  return (
    <div class="column wide">
      <h1>Topology</h1>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {data && (
        <>
          <ul class="outside" aria-label="Outside of the cluster">
            {[...data.outside].reverse().map((o) => (
              <li key={o.name} class="box host">
                <b>{o.name}</b>
                <span class="mono">{o.ip}</span>
                <span class="netns">netns {o.netns}</span>
              </li>
            ))}
          </ul>
          <div class="segment">
            <span>
              the wire, MTU {data.underlay.mtu}; Geneve tunnels between all nodes, pods' MTU {data.podMtu}
            </span>
          </div>
          <div class="nodes">
            {data.nodes.map((n) => (
              <Node key={n.name} node={n} polled={polled} />
            ))}
          </div>
          <Services topology={data} />
        </>
      )}
    </div>
  );
}

function Node({ node, polled }: { node: TopologyNode; polled: Polled<Topology> }): preact.JSX.Element {
  const { data, before } = polled;
  const moved = (port: TopologyPort): boolean => {
    const old = before?.nodes.find((n) => n.name === node.name)?.ports.find((p) => p.name === port.name);
    return old !== undefined && old.rxPackets + old.txPackets !== port.rxPackets + port.txPackets;
  };
  const ports = [...node.ports].sort((a, b) => a.ofport - b.ofport);
  return (
    <section class={`node ${node.up ? '' : 'down'}`} aria-label={node.name}>
      <header>
        <h2>{node.name}</h2>
        <span class="mono">{node.ip}</span>
        <span class="netns">netns {node.netns}</span>
      </header>
      <div class="box kernel">
        <b>kernel</b>
        <span>
          {data!.underlay.device} {node.ip}; {node.gateway.name} {node.gateway.ip}; kube-proxy's rules
        </span>
      </div>
      <div class="switch">
        <h3>
          <a href={printRoute({ view: 'pipeline', of: node.name })}>switch br-int</a>
          {node.up ? '' : ' does not answer'}
        </h3>
        <ul>
          {ports.map((p) => {
            const pod = data!.pods.find((x) => x.node === node.name && x.port === p.name);
            return (
              <li
                key={p.name}
                class={`port ${pod ? 'pod' : (p.of ?? '')} ${p.up ? '' : 'down'} ${moved(p) ? 'moved' : ''}`}
              >
                <span class="ofport" title="OpenFlow port">
                  {p.ofport}
                </span>
                <span class="port-name">
                  <b>{p.of ?? p.name}</b>
                  <span class="mono">{p.name}</span>
                  {pod && <span class="mono">{pod.ip}</span>}
                  {pod && (
                    <span class="netns">
                      netns {pod.netns}
                      {pod.serve ? `, serves ${pod.serve}` : ''}
                    </span>
                  )}
                </span>
                <span class="counters mono">
                  <span>
                    <i>rx</i> {count(p.rxPackets)}
                  </span>
                  <span>
                    <i>tx</i> {count(p.txPackets)}
                  </span>
                  {p.dropped > 0 && (
                    <span class="bad">
                      <i>lost</i> {count(p.dropped)}
                    </span>
                  )}
                </span>
              </li>
            );
          })}
        </ul>
      </div>
    </section>
  );
}

function Services({ topology }: { topology: Topology }): preact.JSX.Element {
  const nameOf = (end: string): string => {
    const [ip, port] = end.split(':');
    const pod = topology.pods.find((p) => p.ip === ip);
    return pod ? `${pod.name}:${port}` : end;
  };
  return (
    <section aria-label="Services">
      <h2>Services</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of Services">
        <table class="grid">
          <thead>
            <tr>
              <th scope="col">name</th>
              <th scope="col">address</th>
              <th scope="col" class="num">
                NodePort
              </th>
              <th scope="col">endpoints</th>
            </tr>
          </thead>
          <tbody>
            {topology.services.map((s) => (
              <tr key={s.name}>
                <td>{s.name.replace(/:$/, '')}</td>
                <td class="mono">
                  {s.protocol} {s.address}
                </td>
                <td class="num mono">{s.nodePort ?? ''}</td>
                <td class="mono">{s.endpoints.map(nameOf).join(', ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
