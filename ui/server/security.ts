// Who may talk to the page's server: whoever opens the printed link once, from this machine's own browser. The link's
// token is good for one exchange, against a cookie that only this server's pages send. Requests under another name than
// ours (DNS rebinding) or begun by another site are refused. A piece of Hono's middleware; server.ts puts it in front.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';

const SESSION_S = 12 * 3600;

/** Nothing from elsewhere: no script, style, font, picture or connection; no frame around us. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const same = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
const secret = (): string => randomBytes(24).toString('base64url');

export class Guard {
  readonly #sessions = new Set<string>();
  #token = secret();
  /** host:port under which we are reached. */
  #names: string[] = [];
  #cookie = 'packetwalk';

  /** Known only once the server listens. */
  setAddress(names: string[], port: number): void {
    this.#names = names.map((name) => `${name}:${port}`);
    this.#cookie = `packetwalk-${port}`; // cookies do not tell ports apart
  }

  /** A new link; the one before it, if it was not used, is void. */
  newToken(): string {
    this.#token = secret();
    return this.#token;
  }

  readonly check: MiddlewareHandler = async (c, next) => {
    c.header('Content-Security-Policy', PAGE_POLICY);
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('Referrer-Policy', 'no-referrer');
    c.header('Cross-Origin-Resource-Policy', 'same-origin');
    c.header('Cache-Control', 'no-store');
    const host = c.req.header('host') ?? '';
    if (!this.#names.includes(host))
      return c.json({ error: `expected to be called ${this.#names.join(' or ')}, got ${JSON.stringify(host)}` }, 421);
    const origin = c.req.header('origin');
    if (origin !== undefined && origin !== `http://${host}`)
      return c.json({ error: `expected requests of our own page, got one of ${origin}` }, 403);
    const reads = c.req.method === 'GET' || c.req.method === 'HEAD';
    if (!reads && origin === undefined) return c.json({ error: 'expected an Origin' }, 403);

    const token = c.req.query('token');
    if (c.req.path === '/' && token !== undefined && same(token, this.#token)) {
      this.#token = secret();
      const session = secret();
      this.#sessions.add(session);
      setCookie(c, this.#cookie, session, { httpOnly: true, sameSite: 'Lax', path: '/', maxAge: SESSION_S });
      return c.redirect('/', 303);
    }
    if (!this.#sessions.has(getCookie(c, this.#cookie) ?? '')) {
      return c.text(
        'This link has been used, or is an old one. Press Enter where packetwalk ui runs: it prints a new one.\n',
        403,
      );
    }
    return next();
  };
}
