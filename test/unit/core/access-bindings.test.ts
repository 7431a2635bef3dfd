import { describe, expect, it } from 'vitest';
import {
  type AccessBinding,
  applyDeltas,
  type BindingDelta,
  judgeBindingChange,
  replaceBindings,
} from '../../../core/access-bindings.ts';
import { RegistryError } from '../../../core/errors.ts';

const binding = (roleId: string, id: string): AccessBinding => ({
  roleId,
  subject: { type: 'serviceAccount', id },
});
const add = (made: AccessBinding): BindingDelta => ({ action: 'ADD', binding: made });
const remove = (gone: AccessBinding): BindingDelta => ({ action: 'REMOVE', binding: gone });

const a = binding('viewer', 'a');
const b = binding('viewer', 'b');
const c = binding('editor', 'a');

describe('deltas', () => {
  const cases: [string, AccessBinding[], BindingDelta[], AccessBinding[], BindingDelta[]][] = [
    ['an addition', [a], [add(b)], [a, b], [add(b)]],
    ['a removal', [a, b], [remove(a)], [b], [remove(a)]],
    ['an addition of what is there', [a], [add(a)], [a], []],
    ['a removal of what is not', [a], [remove(b)], [a], []],
    ['the same subject with another role', [a], [add(c)], [a, c], [add(c)]],
    ['an addition twice', [], [add(a), add(a)], [a], [add(a)]],
    ['an addition that is undone', [], [add(a), remove(a)], [], []],
    ['a removal that is undone', [a], [remove(a), add(a)], [a], []],
    ['in their order', [a], [add(b), remove(a), add(c)], [b, c], [add(b), remove(a), add(c)]],
  ];
  it.each(cases)('%s', (_, current, deltas, next, effective) => {
    expect(applyDeltas(current, deltas)).toEqual({ next, effective });
  });

  it('tell types of subjects apart', () => {
    const user = { roleId: 'viewer', subject: { type: 'userAccount', id: 'a' } };
    expect(applyDeltas([a], [remove(user)]).effective).toEqual([]);
  });
});

describe('replacing', () => {
  const cases: [string, AccessBinding[], AccessBinding[], AccessBinding[], BindingDelta[]][] = [
    ['with nothing', [a, b], [], [], [remove(a), remove(b)]],
    ['with the same', [a, b], [b, a], [b, a], []],
    ['removals first', [a], [b, c], [b, c], [remove(a), add(b), add(c)]],
    ['with one twice', [], [a, a], [a], [add(a)]],
  ];
  it.each(cases)('%s', (_, current, wanted, next, effective) => {
    expect(replaceBindings(current, wanted)).toEqual({ next, effective });
  });
});

describe('judging a change', () => {
  const owner = (id: string) => binding('resource-manager.clouds.owner', id);
  const cases: [string, AccessBinding[], AccessBinding[], string[], string | undefined][] = [
    ['an admin grants a viewer', [], [a], ['admin'], undefined],
    ['an admin grants an owner', [], [owner('a')], ['admin'], 'PERMISSION_DENIED'],
    ['an admin revokes an owner', [owner('a'), owner('b')], [owner('a')], ['admin'], 'PERMISSION_DENIED'],
    ['an admin leaves the owners alone', [owner('a')], [owner('a'), a], ['admin'], undefined],
    ['an owner grants an owner', [], [owner('a')], ['resource-manager.clouds.owner'], undefined],
    ['an owner hands over', [owner('a')], [owner('b')], ['resource-manager.clouds.owner'], undefined],
    ['the last owner goes', [owner('a')], [], ['resource-manager.clouds.owner'], 'FAILED_PRECONDITION'],
    ['an unknown role', [], [binding('no.such.role', 'a')], ['admin'], 'INVALID_ARGUMENT'],
    ['a cloud without owners changes', [a], [b], ['admin'], undefined],
  ];
  it.each(cases)('%s', (_, current, wanted, callerRoles, code) => {
    const judge = () => judgeBindingChange(replaceBindings(current, wanted), callerRoles);
    if (code === undefined) {
      expect(judge).not.toThrow();
      return;
    }
    expect(judge).toThrow(RegistryError);
    expect(judge).toThrow(expect.objectContaining({ code }));
  });
});
