// A switch's configuration file: defaults, and where it is wrong.
import { describe, expect, it } from 'vitest';
import { switchConfigSchema } from '../../dataplane/config.js';
import { InputError } from '../../dataplane/errors.js';
import { parseConfig, readText } from '../../dataplane/read-config.js';

function refusal(text: string): string {
  try {
    parseConfig(text, 'br.yaml', switchConfigSchema);
  } catch (e) {
    expect(e).toBeInstanceOf(InputError);
    return (e as Error).message;
  }
  throw new Error('it was accepted');
}

describe('switch: configuration files', () => {
  it('are YAML or JSON, with defaults filled in', () => {
    const yaml = parseConfig(
      'rundir: /run/x\nports:\n  - { kind: tap, name: p1, ofport: 1 }\n',
      'a.yaml',
      switchConfigSchema,
    );
    const json = parseConfig(
      '{"rundir": "/run/x", "ports": [{"kind": "tap", "name": "p1", "ofport": 1}]}',
      'a.json',
      switchConfigSchema,
    );
    expect(yaml).toEqual(json);
    expect(yaml).toMatchObject({ bridge: 'br-int', spinUs: 50, ports: [{ mtu: 1450, internal: false }] });
  });

  it('set limits and timeouts of conntrack', () => {
    const zones =
      "conntrack:\n  timeouts: { udp_first: 5 }\n  zones:\n    '5': { limit: 9, timeouts: { tcp_close: 0 } }\n";
    expect(parseConfig(`rundir: /run/x\n${zones}`, 'a.yaml', switchConfigSchema).conntrack).toEqual({
      tcpBeLiberal: false,
      timeouts: { udp_first: 5 },
      zones: { '5': { limit: 9, timeouts: { tcp_close: 0 } } },
    });
    const refused = (text: string): string => refusal(`rundir: /run/x\nconntrack:\n  ${text}\n`).split('\n')[0];
    expect(refused('timeouts: { udp: 5 }')).toMatch(/^br\.yaml:3:\d+: conntrack\.timeouts/);
    expect(refused('timeouts: { udp_first: -1 }')).toMatch(
      /^br\.yaml:3:\d+: conntrack\.timeouts\.udp_first: too small/,
    );
    expect(refused("zones: { '70000': {} }")).toContain('expected a zone from 0 to 65535');
    expect(refused("zones: { '5': { limits: 1 } }")).toContain('conntrack.zones.5.limits: this key is not known here');
  });

  it('say where a value is wrong and what was expected', () => {
    expect(refusal('rundir: /run/x\nports:\n  - kind: tap\n    name: p1\n    ofport: 99999\n')).toMatchInlineSnapshot(`
      "br.yaml:5:13: ports.0.ofport: expected a port of 1 to 65279, or LOCAL
            ofport: 99999
                    ^"
    `);
    expect(refusal('rundir: /run/x\nports:\n  - { kind: tap, name: p1, ofport: one }\n')).toMatchInlineSnapshot(`
      "br.yaml:3:36: ports.0.ofport: expected number, got string
          - { kind: tap, name: p1, ofport: one }
                                           ^"
    `);
    expect(refusal('rundir: /run/x\nports:\n  - { kind: taps, name: p1, ofport: 1 }\n')).toMatchInlineSnapshot(`
      "br.yaml:3:13: ports.0.kind: expected 'tap' | 'veth' | 'geneve' | 'pcap'
          - { kind: taps, name: p1, ofport: 1 }
                    ^"
    `);
    expect(refusal('rundir: /run/x\nports:\n  - { kind: tap, name: p1, ofport: 1, mac: xx }\n')).toMatchInlineSnapshot(`
      "br.yaml:3:44: ports.0.mac: expected a MAC address such as 02:00:00:00:00:01
        ... { kind: tap, name: p1, ofport: 1, mac: xx }
                                                   ^"
    `);
  });

  it('say which key is missing or not known', () => {
    expect(refusal('bridge: br-int\n')).toMatchInlineSnapshot(`
      "br.yaml:1:1: rundir: expected string, got nothing
        bridge: br-int
        ^"
    `);
    expect(refusal('rundir: /run/x\nport: []\n')).toMatchInlineSnapshot(`
      "br.yaml:2:1: port: this key is not known here
        port: []
        ^"
    `);
    expect(refusal('')).toMatchInlineSnapshot(`
      "br.yaml:1:1: rundir: expected string, got nothing
        
        ^"
    `);
  });

  it('say where the text is no YAML', () => {
    expect(refusal('rundir: "/run\nbridge: x\n')).toMatchInlineSnapshot(`
      "br.yaml:3:1: Missing closing "quote
        
        ^"
    `);
    expect(refusal('{"rundir": }, 3')).toMatchInlineSnapshot(`
      "br.yaml:1:13: Unexpected scalar at node end
        {"rundir": }, 3
                    ^"
    `);
  });

  it('that cannot be read name the file and the reason', () => {
    expect(() => readText('/nonexistent/br.yaml')).toThrow('open /nonexistent/br.yaml: ENOENT; check the path');
    expect(() => readText('/')).toThrow('EISDIR; a file is needed');
  });
});
