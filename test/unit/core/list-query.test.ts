import { describe, expect, it } from 'vitest';
import {
  type Condition,
  compareIn,
  FILTER_FIELDS,
  ORDER_FIELDS,
  pageSizeOf,
  parseFilter,
  parseOrderBy,
} from '../../../core/list-query.ts';

const is = (field: string, ...values: string[]): Condition => ({ field, negated: false, values });
const isNot = (field: string, ...values: string[]): Condition => ({ field, negated: true, values });

describe('filters', () => {
  it.each<[string | undefined, Condition[]]>([
    [undefined, []],
    ['', []],
    ['  \t ', []],
    ['name = "value"', [is('name', 'value')]],
    ['name="value"', [is('name', 'value')]],
    ["name='value'", [is('name', 'value')]],
    ['  name  =  "value"  ', [is('name', 'value')]],
    ['name=my-image', [is('name', 'my-image')]],
    ['name=ubuntu-22.04_v1', [is('name', 'ubuntu-22.04_v1')]],
    ['name!="a"', [isNot('name', 'a')]],
    ['name != a', [isNot('name', 'a')]],
    ['name = ""', [is('name', '')]],
    ['pooled = true', [is('pooled', 'true')]],
    ['createdAt = "2025-06-23T07:13:41Z"', [is('createdAt', '2025-06-23T07:13:41Z')]],
    ["status in ('CREATING', 'READY')", [is('status', 'CREATING', 'READY')]],
    ['status IN (CREATING,READY)', [is('status', 'CREATING', 'READY')]],
    ['status IN( "READY" )', [is('status', 'READY')]],
    ['status NOT IN ("ERROR" , "DELETING")', [isNot('status', 'ERROR', 'DELETING')]],
    ['status not  in("ERROR")', [isNot('status', 'ERROR')]],
    ['status Not\tIn ("ERROR")', [isNot('status', 'ERROR')]],
    ['name="a" AND family="b"', [is('name', 'a'), is('family', 'b')]],
    ['name=a and family!=b aNd status in (c)', [is('name', 'a'), isNot('family', 'b'), is('status', 'c')]],
    ['name=a AND name=b', [is('name', 'a'), is('name', 'b')]],
    ['name=AND', [is('name', 'AND')]],
    ['name="a AND b"', [is('name', 'a AND b')]],
    ['name="it\'s"', [is('name', "it's")]],
    ['name=\'say "x"\'', [is('name', 'say "x"')]],
    [String.raw`name="\"\'\\\n\r\t"`, [is('name', '"\'\\\n\r\t')]],
    ['name="образ"', [is('name', 'образ')]],
    ['labels.env="prod"', [{ ...is('labels', 'prod'), key: 'env' }]],
    [String.raw`labels.a/b\c@d.e-f_g!=x`, [{ ...isNot('labels', 'x'), key: String.raw`a/b\c@d.e-f_g` }]],
  ])('%j', (text, conditions) => {
    expect(parseFilter(text, FILTER_FIELDS.image)).toEqual(conditions);
  });

  it.each([
    ['name', 4, 'expected =, !=, IN or NOT IN'],
    ['name ', 5, 'expected =, !=, IN or NOT IN'],
    ['name ~ "a"', 5, 'expected =, !=, IN or NOT IN'],
    ['name > "a"', 5, 'expected =, !=, IN or NOT IN'],
    ['name NOT "a"', 5, 'expected =, !=, IN or NOT IN'],
    ['name INSIDE ("a")', 5, 'expected =, !=, IN or NOT IN'],
    ['name =', 6, 'expected a value'],
    ['name = образ', 7, 'expected a value'],
    ['name == "a"', 6, 'expected a value'],
    ['name = a*', 8, 'expected AND'],
    ['name="a', 5, 'this quote is not closed'],
    ['name="a\'', 5, 'this quote is not closed'],
    ['name="a\\"', 5, 'this quote is not closed'],
    [String.raw`name="a\q"`, 7, 'unknown escape'],
    ['name="a\\', 7, 'unknown escape'],
    ['name="a" OR name="b"', 9, 'expected AND'],
    ['name="a"AND name="b"', 8, 'expected AND'],
    ['name="a" ANDname="b"', 9, 'expected AND'],
    ['name="a" AND', 12, 'expected a space and a condition after AND'],
    ['name="a" AND ', 13, 'expected the name of a field'],
    ['name="a", family="b"', 8, 'expected AND'],
    ['AND name="a"', 0, '"AND" is not a field'],
    ['(name="a")', 0, 'expected the name of a field'],
    ['="a"', 0, 'expected the name of a field'],
    ['status in "a"', 10, 'expected ( and a list'],
    ['status in ()', 11, 'expected a value'],
    ['status in ("a",)', 15, 'expected a value'],
    ['status in ("a" "b")', 15, 'expected a comma or )'],
    ['status in ("a"', 14, 'expected a comma or )'],
    ['size = 1', 0, '"size" is not a field'],
    ['Name = a', 0, '"Name" is not a field'],
    ['labels = a', 0, '"labels" is not a field'],
    ['labels. = a', 0, '"labels." is not a field'],
    ['name.x = a', 0, '"name.x" is not a field'],
  ])('%j fails at %d: %s', (text, at, reason) => {
    expect(() => parseFilter(text, FILTER_FIELDS.image)).toThrow(`Filter: at character ${at}: ${reason}`);
  });

  it('know only the fields of their list', () => {
    expect(parseFilter('typeId=network-ssd', FILTER_FIELDS.disk)).toEqual([is('typeId', 'network-ssd')]);
    expect(() => parseFilter('typeId=network-ssd', FILTER_FIELDS.image)).toThrow('is not a field');
    expect(() => parseFilter('family=a', FILTER_FIELDS.snapshot)).toThrow('sourceDiskId, labels.<key>');
    expect(parseFilter('status=PENDING', ['status'])).toEqual([is('status', 'PENDING')]);
    expect(() => parseFilter('name=a', ['status'])).toThrow('these are: status');
    expect(() => parseFilter('labels.a=a', ['labels'])).toThrow('is not a field');
  });

  it('end at 1000 characters', () => {
    const filter = (length: number) => `name="${'a'.repeat(length - 7)}"`;
    expect(parseFilter(filter(1000), FILTER_FIELDS.image)).toHaveLength(1);
    expect(() => parseFilter(filter(1001), FILTER_FIELDS.image)).toThrow('must be up to 1000 characters');
  });
});

describe('orders', () => {
  it.each([
    [undefined, 'id', 'asc'],
    ['', 'id', 'asc'],
    [' ', 'id', 'asc'],
    ['name', 'name', 'asc'],
    ['createdAt desc', 'createdAt', 'desc'],
    [' createdAt  DESC ', 'createdAt', 'desc'],
    ['family ASC', 'family', 'asc'],
  ])('%j', (text, field, direction) => {
    expect(parseOrderBy(text, ORDER_FIELDS.image)).toEqual({ field, direction });
  });

  it.each([
    ['size', '"size" is not a field to order by; these are: id, name, family, status, createdAt'],
    ['created_at', '"created_at" is not a field'],
    ['name down', 'must be one field'],
    ['name desc id', 'must be one field'],
    ['name, id', '"name," is not a field'],
    [`name${' '.repeat(97)}`, 'must be up to 100 characters'],
  ])('%j is refused', (text, reason) => {
    expect(() => parseOrderBy(text, ORDER_FIELDS.image)).toThrow(reason);
  });
});

describe('page sizes', () => {
  it.each([
    [undefined, 100],
    [0, 100],
    [1, 1],
    [1000, 1000],
  ])('%s gives %d', (asked, size) => {
    expect(pageSizeOf(asked)).toBe(size);
  });

  it.each([-1, 1001, 1.5, Number.NaN])('%d is refused', (asked) => {
    expect(() => pageSizeOf(asked)).toThrow('PageSize: must be 0 to 1000');
  });
});

describe('the order of rows', () => {
  const row = (id: string, name: string, createdAt: number) => ({
    ...{ id, name, createdAt },
    family: '',
    status: 'READY',
  });
  const rows = [row('c', 'x', 3), row('a', 'y', 3), row('b', 'x', 1), row('d', '', 2)];
  it.each([
    ['id', 'abcd'],
    ['name', 'dbca'],
    ['createdAt', 'bdac'],
    ['family', 'abcd'],
  ])('by %s', (field, ascending) => {
    const sorted = (direction: 'asc' | 'desc') =>
      rows
        .toSorted(compareIn({ field, direction }))
        .map(({ id }) => id)
        .join('');
    expect(sorted('asc')).toBe(ascending);
    expect(sorted('desc')).toBe([...ascending].reverse().join(''));
  });
});
