import { GroupClaims } from '../../src/adapters/ids/scim.ts';
import { expect, test } from 'vitest';

const g1 = { id: 'g1', displayName: 'Sales' };
const g2 = { id: 'g2', displayName: 'Sales EU' };

test('the first name has the group, another one does not', () => {
  const claims = new GroupClaims(10, 100);
  expect(claims.claim('Sales', g1, 0)).toBeNull();
  expect(claims.claim('sales', g1, 1)).toBe('Sales');
  expect(claims.claim('Sales', g1, 2)).toBeNull();
});

test('an id in another letter case is the same group where it is a UUID', () => {
  const claims = new GroupClaims(10, 100);
  const id = '5b1e7c2a-9a41-4a0b-b1a7-2f8e4c6d3e55';
  claims.claim('Sales', { ...g1, id }, 0);
  expect(claims.claim('Verkauf', { ...g1, id: id.toUpperCase() }, 1)).toBe('Sales');
});

test('a claim ends its time after its last use', () => {
  const claims = new GroupClaims(10, 100);
  claims.claim('Sales', g1, 0);
  expect(claims.use('Sales', 90)).toEqual(g1);
  expect(claims.claim('sales', g1, 189)).toBe('Sales');
  expect(claims.claim('sales', g1, 190)).toBeNull();
  expect(claims.claim('Sales', g1, 191)).toBe('sales');
});

test('who is refused does not lengthen the claim of the other', () => {
  const claims = new GroupClaims(10, 100);
  claims.claim('Sales', g1, 0);
  claims.use('sales', 50);
  claims.claim('sales', g1, 99);
  expect(claims.claim('sales', g1, 100)).toBeNull();
});

test('a name that has another group, or none, leaves the one it had', () => {
  const claims = new GroupClaims(10, 100);
  claims.claim('Sales', g1, 0);
  claims.claim('Sales', g2, 1);
  expect(claims.claim('sales', g1, 2)).toBeNull();
  claims.release('Sales', 3);
  expect(claims.claim('Ventas', g2, 4)).toBeNull();
});

test('who is refused a group leaves the one it had', () => {
  const claims = new GroupClaims(10, 100);
  claims.claim('Sales', g1, 0);
  claims.claim('Ventas', g2, 0);
  expect(claims.claim('Ventas', g1, 1)).toBe('Sales');
  expect(claims.claim('Ventes', g2, 2)).toBeNull();
});

test('there are never more than the bound', () => {
  const claims = new GroupClaims(100, 1_000_000);
  for (let i = 0; i < 10_000; i += 1) claims.claim(`name ${i}`, { ...g1, id: `g${i}` }, i);
  expect(claims.size).toBe(100);
});
