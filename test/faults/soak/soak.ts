import { Random } from '../../../dev/fuzz/random.ts';
import type { BreakableRegistry } from '../setup/behind-proxy.ts';
import type { Fault } from '../setup/fault-proxy.ts';
import type { World } from './model.ts';

export interface Reply<Body> {
  /** 0 when nothing was answered. */
  readonly status: number;
  readonly body: Body;
}

/** A registry that is soaked: how its steps talk to it, and what is known of it. */
export interface Soak {
  readonly registry: BreakableRegistry;
  readonly random: Random;
  readonly world: World;
  /** A call may be answered with 503, or not at all, while the store is broken or the registry is killed. */
  fault: Fault | undefined;
  /** The registry is killed meanwhile. */
  isKilling: boolean;
  /**
   * One call. in: the statuses that the model allows; what may come while something is broken is allowed besides.
   * out: the answer, `status` 0 or 503 when the outcome is not known. Throws for an answer that cannot be.
   */
  call<Body>(
    method: string,
    path: string,
    body: unknown,
    allowed: readonly number[],
    headers?: Readonly<Record<string, string>>,
  ): Promise<Reply<Body>>;
  /** A creation, repeated with its Idempotency-Key until its outcome is known. */
  create<Body>(path: string, body: unknown, allowed: readonly number[]): Promise<Reply<Body>>;
  /** Ends what breaks the store. */
  heal(): void;
}

/** Whether it is not known what came of a call. */
export const isUnknown = ({ status }: Reply<unknown>) => status === 0 || status === 503;

/** in: all that is drawn at random depends on the seed alone. */
export function openSoak(registry: BreakableRegistry, seed: number): Soak {
  const random = new Random(seed, 0);
  let keys = 0;
  const soak: Soak = {
    registry,
    random,
    world: { images: new Map(), volumes: new Map(), ruled: new Set() },
    fault: undefined,
    isKilling: false,
    async call<Body>(
      method: string,
      path: string,
      body: unknown,
      allowed: readonly number[],
      headers: Readonly<Record<string, string>> = {},
    ) {
      const isBroken = soak.fault !== undefined || soak.isKilling;
      let reply: Reply<Body>;
      try {
        const { status, body: answer } = await registry.client.call<Body>(method, path, body, headers);
        reply = { status, body: answer };
      } catch (error) {
        if (!soak.isKilling) throw error;
        reply = { status: 0, body: undefined as Body };
      }
      if (allowed.includes(reply.status) || (isBroken && isUnknown(reply))) return reply;
      throw new Error(
        `${method} ${path} ${JSON.stringify(body)} answered ${reply.status}, not ${allowed.join(' or ')}: ${JSON.stringify(reply.body)}`,
      );
    },
    async create<Body>(path: string, body: unknown, allowed: readonly number[]) {
      keys += 1;
      const key = `00000000-0000-4000-8000-${String(keys).padStart(12, '0')}`;
      for (;;) {
        const reply = await soak.call<Body>('POST', path, body, allowed, { 'Idempotency-Key': key });
        if (!isUnknown(reply)) return reply;
        soak.heal();
      }
    },
    heal() {
      soak.fault?.lift();
      soak.fault = undefined;
      registry.proxy.lift();
    },
  };
  return soak;
}
