import { describe, expect, it } from 'vitest';
import { can, isFinal, LIFECYCLES, type Machine, next, sources } from '../../../core/lifecycle.ts';

const machines = Object.entries(LIFECYCLES) as [Machine, Record<string, Record<string, string>>][];

describe.each(machines)('the life of %s', (_, rows) => {
  const states = Object.keys(rows);

  it('leads only to states that it has', () => {
    for (const events of Object.values(rows)) {
      for (const to of Object.values(events)) expect(states).toContain(to);
    }
  });

  it('can reach every state from the first', () => {
    const reached = new Set([states[0]]);
    for (const state of reached) for (const to of Object.values(rows[state!]!)) reached.add(to);
    expect([...reached].sort()).toEqual([...states].sort());
  });

  it('can come to an end from every state', () => {
    const ending = new Set(states.filter((state) => Object.keys(rows[state]!).length === 0));
    for (let found = -1; found !== ending.size; ) {
      found = ending.size;
      for (const state of states) {
        if (Object.values(rows[state]!).some((to) => ending.has(to))) ending.add(state);
      }
    }
    expect([...ending].sort()).toEqual([...states].sort());
  });
});

describe('the states that the wire shows', () => {
  it.each([
    ['image', ['CREATING', 'READY', 'ERROR', 'DELETING']],
    ['volume', ['CREATING', 'READY', 'ERROR', 'DELETING']],
    ['quotaRequest', ['PENDING', 'PROCESSING', 'PROCESSED', 'CANCELED']],
    ['quotaRequestItem', ['PENDING', 'PARTIAL_APPROVED', 'APPROVED', 'REJECTED', 'CANCELED']],
    ['folder', ['ACTIVE', 'DELETING', 'PENDING_DELETION']],
  ] as const)('%s', (machine, shown) => {
    expect(Object.keys(LIFECYCLES[machine])).toEqual(expect.arrayContaining([...shown]));
  });
});

describe('moving', () => {
  it('follows the table', () => {
    expect(next('image', 'CREATING', 'accept')).toBe('READY');
    expect(next('image', 'CREATING', 'refuse')).toBe('GONE');
    expect(next('image', 'READY', 'delete')).toBe('DELETING');
    expect(next('image', 'DELETING', 'undelete')).toBe('READY');
    expect(next('image', 'DELETING', 'purge')).toBe('PURGED');
    expect(next('upload', 'COMPLETING', 'refuse')).toBe('OPEN');
    expect(next('job', 'LEASED', 'retry')).toBe('READY');
    expect(next('layer', 'UNNAMED', 'name')).toBe('VERIFIED');
  });

  it('throws where the table has nothing, and says what it takes', () => {
    expect(() => next('image', 'CREATING', 'purge')).toThrow(
      expect.objectContaining({
        code: 'FAILED_PRECONDITION',
        message: 'The image is CREATING; to purge it must be READY or ERROR or DELETING',
      }),
    );
    expect(() => next('layer', 'DELETING', 'name')).toThrow('to name it must be UNNAMED');
    expect(() => next('operation', 'DONE', 'cancel')).toThrow('The operation is DONE');
    // @ts-expect-error an event of another machine
    expect(() => next('operation', 'RUNNING', 'undelete')).toThrow('The operation is RUNNING');
  });

  it('can be asked beforehand', () => {
    expect(can('upload', 'OPEN', 'abort')).toBe(true);
    expect(can('upload', 'ABORTED', 'abort')).toBe(false);
    expect(can('image', 'ERROR', 'delete')).toBe(false);
    expect(can('image', 'PURGED', 'undelete')).toBe(false);
    expect(sources('upload', 'expire')).toEqual(['OPEN', 'COMPLETING']);
    expect(sources('job', 'lease')).toEqual(['READY']);
    expect(isFinal('operation', 'DONE')).toBe(true);
    expect(isFinal('operation', 'RUNNING')).toBe(false);
    expect(isFinal('job', 'DEAD')).toBe(false);
  });
});
