// The article's mistakes: all 47 as data, each told in the written walk at every pass that it concerns, and none of
// them made there.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { packageFile } from '../../dataplane/root.js';
import { loadErrata } from '../../lab/walk/errata.js';
import { isPass, loadWalks } from '../../lab/walk/expected.js';

it('errata are E01 to E47, and name passes of the walks', () => {
  const errata = loadErrata();
  expect(errata.map((e) => e.id)).toEqual(Array.from({ length: 47 }, (_, i) => `E${String(i + 1).padStart(2, '0')}`));
  const passes = loadWalks(packageFile('lab', 'article', 'walks.yaml')).flatMap((w) =>
    w.way.filter(isPass).map((p) => p.pass),
  );
  for (const { passes: at, id } of errata) expect(passes, id).toEqual(expect.arrayContaining(at));
  for (const pass of passes)
    expect(
      errata.some((e) => e.passes.includes(pass)),
      pass,
    ).toBe(true);
});

/** What the written walk itself says of a pass, and what it says of the article's mistakes there. */
function written(pass: string): { own: string; errata: string } {
  const chapter = readFileSync(packageFile('docs', 'walks', `${pass[0]}.md`), 'utf8');
  const section = chapter.split(/^## /m).find((part) => part.startsWith(`${pass}:`));
  if (section === undefined) throw new Error(`no section of ${pass}`);
  const lines = section.split('\n');
  const of = (isErratum: boolean): string =>
    lines.filter((line) => /^- \*\*E\d\d\*\*/.test(line) === isErratum).join('\n');
  return { own: of(false), errata: of(true) };
}

it('the written walks tell each at every pass that it concerns; those about the nodes stand in the introduction', () => {
  for (const { id, passes, says } of loadErrata()) {
    for (const pass of passes) expect(written(pass).errata, `${id} at ${pass}`).toContain(`**${id}**`);
    for (const pass of passes) expect(written(pass).errata, `${id} at ${pass}`).toContain(says);
    if (passes.length === 0) expect(readFileSync(packageFile('docs', 'walks', 'README.md'), 'utf8')).toContain(id);
  }
});

/** Of what can be seen in a pass: what the walk must say there, and must not. */
const FACTS: [id: string, pass: string, says: RegExp, never?: RegExp][] = [
  ['E01', 'B5', /^\| 50 /m, /[^n]w_dst=/],
  ['E02', 'F18.w2', /^\| 90 .*\n(?:\| \| .*\n)*\| 105 /m, /^\| 100 /m],
  ['E03', 'F17.w2', /^\| 105 .*\+new\+trk.*ct\(commit.*0x20->NXM_NX_CT_MARK/m],
  ['E04', 'C10.w1', /^\| 31 .*\| 200 `[^`]*ct_mark=0x20/m, /^\| 31 \S+ \| 0 /m],
  ['E05', 'F17.w1', /worker1/, /0x2d84e3f921d/],
  ['E06', 'F17.w2', /10\.222\.1\.48/, /10\.222\.1\.49/],
  ['E07', 'F17.w2', /F17\.w2/, /10\.108\.31\.6/],
  ['E08', 'C9.w1', /load:0xa4f01ca->NXM_NX_TUN_IPV4_DST/, /0x4f0aca/],
  ['E09', 'C9.w1', /10\.222\.2\.34/, /backend1(?! and backend2)/],
  ['E10', 'E15', /backend2/, /backend1/],
  ['E11', 'C9.w1', /^\| 0 Classifier .*NXM_NX_REG0\[0\.\.15\]/m, /^\| 10 .*REG0\[0\.\.15\]/m],
  ['E12', 'C9.w2', /^\| 80 .*REG0\[16\]/m, /^\| 40 .*REG0\[16\]/m],
  ['E13', 'F18.w2', /^\| 80 .*NXM_NX_REG1/m],
  ['E16', 'E16', /^\| 70 /m],
  ['E18', 'D12', /arp_tpa=10\.222\.2\.1/],
  ['E22', 'B5', /^\| 70 /m, /^\| 70 .*arp/m],
  ['E23', 'C9.w2', /^\| 40 DNAT /m],
  ['E24', 'C10.w2', /^\| 31 ConntrackState /m, /ConntrackTable/],
  ['E27', 'B5', /resubmit\(,30\)/, /goto_table/],
  ['E28', 'B4', /reg0=0x10000\/0x10000/, /reg0=-0x/],
  ['E29', 'B5', /NXM_NX_CT_MARK/, /NSM_NX/],
  ['E30', 'C10.w2', /^\| 50 .*-new\+est/m, /-new,\+trk/],
  ['E31', 'C9.w1', /default\/frontendpolicy/, /networking\.Kubernetes/],
  ['E32', 'B4', /NXM_NX_REG1\[\]/, /REG1 bit/],
  ['E33', 'F18.w2', /02:d8:4e:3f:92:1d/],
  ['E34', 'C9.w2', /mod_dl_src:[^`]*mod_dl_dst:[^`]*dec_ttl/],
  ['E35', 'C11', /^\| 90 .*-new\+est/m],
  ['E37', 'C10.w1', /C10\.w1/, /SNATs/],
  ['E38', 'C10.w2', /zone 65520/, /mark 0x20/],
  ['E41', 'F17.w2', /F17\.w2/, /single condition/],
  ['E42', 'C9.w1', /zone 65520.*: a new connection/],
];

it.each(FACTS)('%s is not made at %s', (id, pass, says, never) => {
  expect(loadErrata().find((e) => e.id === id)!.passes).toContain(pass);
  const { own } = written(pass);
  expect(own).toMatch(says);
  if (never) expect(own).not.toMatch(never);
});
