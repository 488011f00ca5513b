// Where the article errs, by pass: lab/article/errata.yaml, checked. Read by markdown.ts and the lesson about them.
import { parseConfig, readText } from '../../dataplane/read-config.js';
import { packageFile } from '../../dataplane/root.js';
import { z } from 'zod';

const erratum = z.strictObject({
  id: z.string().regex(/^E\d\d$/, 'expected E and two digits'),
  kind: z.enum(['path', 'data', 'reference', 'heading', 'notation', 'concept', 'capture', 'part-a']),
  sections: z.array(z.string()),
  passes: z.array(z.string()),
  says: z.string(),
  is: z.string(),
});

export type Erratum = z.output<typeof erratum>;

export function loadErrata(file = packageFile('lab', 'article', 'errata.yaml')): Erratum[] {
  return parseConfig(readText(file), file, z.strictObject({ version: z.literal(1), errata: z.array(erratum) })).errata;
}
