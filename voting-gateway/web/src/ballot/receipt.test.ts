// @vitest-environment node
/**
 * The tests of a receipt one by one, on receipts of a network made up here.
 */
import { beforeAll, describe, expect, it } from 'vitest';

import type { Header } from './ledger';
import { checkReceipt, type Receipt, type ReceiptReason } from './receipt';
import { certify, encodedGenesis, encodedReceipt, network, receiptOf } from './testing';

describe('each test of the specification', () => {
  const four = network(4, 3);
  let receipt: Receipt;
  const judged = (changed: Receipt, by = four) => checkReceipt(encodedReceipt(changed), encodedGenesis(by));

  beforeAll(async () => {
    receipt = await receiptOf(four, [0, 1, 3], { blocks: 3 });
  });

  it('what is made here holds', async () => {
    expect(await judged(receipt)).toMatchObject({
      verdict: 'recorded',
      height: 3,
      signers: ['authority-0', 'authority-1', 'authority-3'],
    });
    expect(await judged(await receiptOf(four, [0, 1, 2, 3], { blocks: 256 }))).toMatchObject({ verdict: 'recorded' });
  });

  it('a second partition of the same network is as good', async () => {
    const two = { ...four, partitions: 2 };
    const there = await receiptOf(two, [0, 1, 2], { partition: 1 });
    expect(await judged(there, two)).toMatchObject({ verdict: 'recorded' });
    expect(await judged(await receiptOf(two, [0, 1, 2], { partition: 2 }), two)).toMatchObject({
      reason: 'other_chain',
    });
  });

  it('a preference of a leader goes on, or begins where it stands', async () => {
    const preferring = (begins: (header: Header) => boolean) => {
      let now: Header['preference'] = null;
      return (header: Header) => {
        const { view: since, height, timestamp: at } = header;
        if (begins(header)) now = { term: (now?.term ?? 0) + 1, leader: 2, since, height, at, until: since + 10n };
        return { ...header, preference: now };
      };
    };
    const good = await receiptOf(four, [0, 1, 2], {
      blocks: 5,
      change: preferring(({ height }) => height % 2n === 0n),
    });
    expect(await judged(good)).toMatchObject({ verdict: 'recorded' });
    const wrong: ((preference: NonNullable<Header['preference']>) => object)[] = [
      ({ term }) => ({ term: term + 1 }),
      ({ since }) => ({ since: since + 1n }),
      ({ height }) => ({ height: height - 1n }),
      ({ at }) => ({ at: at + 1n }),
    ];
    for (const change of wrong) {
      const begin = preferring(({ height }) => height === 4n);
      const bad = await receiptOf(four, [0, 1, 2], {
        blocks: 3,
        change(header) {
          const { preference, ...rest } = begin(header);
          return { ...rest, preference: preference && { ...preference, ...change(preference) } };
        },
      });
      expect(await judged(bad)).toMatchObject({ reason: 'broken_link' });
    }
    const forgotten = await receiptOf(four, [0, 1, 2], {
      blocks: 2,
      change: (header) => ({
        ...header,
        preference: header.height === 3n ? { term: 1, leader: 0, since: 5n, height: 3n, at: 2_000n, until: 9n } : null,
      }),
    });
    expect(await judged(forgotten)).toMatchObject({ reason: 'broken_link' });
  });

  it.each<[ReceiptReason, string, (real: Receipt) => Partial<Receipt> | Promise<Partial<Receipt>>]>([
    ['header_count', 'no header', () => ({ headers: [] })],
    [
      'header_count',
      'too many headers',
      ({ headers: [one] }) => ({ headers: Array.from({ length: 257 }, () => one as Header) }),
    ],
    [
      'other_chain',
      'another chain',
      ({ headers }) => ({ headers: headers.map((header) => ({ ...header, chain: '11'.repeat(32) })) }),
    ],
    [
      'other_chain',
      'another epoch',
      ({ headers }) => ({ headers: headers.map((header) => ({ ...header, epoch: 1 })) }),
    ],
    [
      'other_chain',
      'a last header of another chain',
      ({ headers }) => ({
        headers: headers.map((header, at) => ({ ...header, chain: at === 2 ? '11'.repeat(32) : header.chain })),
      }),
    ],
    ['broken_link', 'a header left out', ({ headers }) => ({ headers: headers.filter((_, at) => at !== 1) })],
    ['broken_link', 'headers in another order', ({ headers }) => ({ headers: headers.toReversed() })],
    [
      'broken_link',
      'another state in the first block',
      ({ headers }) => ({
        headers: headers.map((header, at) => (at === 0 ? { ...header, stateRoot: '66'.repeat(32) } : header)),
      }),
    ],
    [
      'broken_link',
      'a view that does not grow',
      () => receiptOf(network(4, 3), [0, 1, 3], { blocks: 2, change: (header) => ({ ...header, view: 5n }) }),
    ],
    [
      'broken_link',
      'a time that does not grow',
      () => receiptOf(network(4, 3), [0, 1, 3], { blocks: 2, change: (header) => ({ ...header, timestamp: 9n }) }),
    ],
    [
      'broken_link',
      'a height that does not grow',
      () => receiptOf(network(4, 3), [0, 1, 3], { blocks: 2, change: (header) => ({ ...header, height: 9n }) }),
    ],
    ['wrong_position', 'another height', ({ position }) => ({ position: { ...position, height: 4n } })],
    ['wrong_position', 'another index', ({ position }) => ({ position: { ...position, index: 1 } })],
    ['wrong_position', 'another size', ({ proof }) => ({ proof: { ...proof, size: 2n } })],
    ['not_included', 'another entry', () => ({ entry: 'e2'.repeat(32) })],
    ['not_included', 'a longer proof', ({ proof }) => ({ proof: { ...proof, hashes: ['00'.repeat(32)] } })],
    [
      'not_included',
      'an endless proof',
      ({ proof }) => ({ proof: { ...proof, hashes: Array.from({ length: 65 }, () => '00'.repeat(32)) } }),
    ],
    [
      'other_statement',
      'a notarization',
      ({ certificate: { statement, signatures } }) => ({
        certificate: { statement: { ...statement, kind: 'notarize', block: '00'.repeat(32) }, signatures },
      }),
    ],
    [
      'other_statement',
      'a skip',
      ({ certificate: { statement, signatures } }) => ({
        certificate: { statement: { kind: 'skip', view: statement.view }, signatures },
      }),
    ],
    ['other_statement', 'a certificate of the first header only', ({ headers }) => ({ headers: headers.slice(0, 1) })],
    ['invalid_certificate', 'too few signatures', (real) => ({ certificate: signedBy(real, [0, 1]) })],
    ['invalid_certificate', 'no signature', (real) => ({ certificate: signedBy(real, []) })],
    ['invalid_certificate', 'one authority counted twice', (real) => ({ certificate: signedBy(real, [0, 1, 1]) })],
    ['invalid_certificate', 'authorities out of order', (real) => ({ certificate: signedBy(real, [1, 0, 2]) })],
    ['invalid_certificate', 'an authority that is none', (real) => ({ certificate: signedBy(real, [0, 1, 4]) })],
    [
      'invalid_certificate',
      'a fourth signature that is not valid',
      (real) => ({ certificate: withLast(signedBy(real, [0, 1, 2, 3]), '00'.repeat(64)) }),
    ],
    [
      'invalid_certificate',
      'a signature made for another chain',
      (real) => ({ certificate: certify('22'.repeat(32), real.certificate.statement, [0, 1, 2]) }),
    ],
    [
      'out_of_range',
      'a time beyond the year 9999',
      () =>
        receiptOf(network(4, 3), [0, 1, 3], { change: (header) => ({ ...header, timestamp: 253_402_300_800_000n }) }),
    ],
    [
      'out_of_range',
      'a height beyond what can be shown',
      () => receiptOf(network(4, 3), [0, 1, 3], { change: (header) => ({ ...header, height: 2n ** 53n }) }),
    ],
  ])('%s: %s', async (reason, _, change) => {
    const check = await judged({ ...receipt, ...(await change(receipt)) });
    expect(check).toMatchObject({ verdict: 'invalid', reason, detail: expect.any(String), signers: [], height: 0 });
  });

  it('another genesis makes nothing of it', async () => {
    expect(await judged(receipt, network(5, 3))).toMatchObject({ reason: 'other_chain' });
    expect(await judged(receipt, { ...four, network: 'other' })).toMatchObject({ reason: 'other_chain' });
  });

  it.each<[string, (real: ReturnType<typeof network>) => object]>([
    ['a quorum of half', ({ epoch }) => ({ epoch: { ...epoch, quorum: 2 } })],
    ['a quorum of more than all', ({ epoch }) => ({ epoch: { ...epoch, quorum: 5 } })],
    ['no authorities', ({ epoch }) => ({ epoch: { ...epoch, authorities: [], quorum: 0 } })],
    [
      'one key twice',
      ({ epoch }) => ({
        epoch: {
          ...epoch,
          authorities: epoch.authorities.map(({ name }) => ({ name, key: epoch.authorities[0]?.key })),
        },
      }),
    ],
    [
      'one name twice',
      ({ epoch }) => ({ epoch: { ...epoch, authorities: epoch.authorities.map(({ key }) => ({ name: 'a', key })) } }),
    ],
    [
      'a key of small order',
      ({ epoch }) => ({
        epoch: { ...epoch, authorities: [{ name: 'z', key: `01${'00'.repeat(31)}` }, ...epoch.authorities] },
      }),
    ],
    ['epoch 1', ({ epoch }) => ({ epoch: { ...epoch, number: 1 } })],
    ['a term of 0', ({ epoch }) => ({ epoch: { ...epoch, leader: { term: 0 } } })],
    ['timers that shrink', ({ epoch }) => ({ epoch: { ...epoch, timers: { ...epoch.timers, viewTimeout: 9 } } })],
    ['no officers', () => ({ officers: [] })],
    ['no partitions', () => ({ partitions: 0 })],
    ['a name that hides something', () => ({ network: 'te\u202est' })],
  ])('a genesis with %s is not relied on', async (_, change) => {
    const check = await judged(receipt, { ...four, ...change(four) });
    expect(check).toMatchObject({ verdict: 'invalid', reason: 'invalid_genesis', genesis: '' });
  });
});

const signedBy = ({ headers, certificate: { statement } }: Receipt, signers: number[]) =>
  certify(headers[0]?.chain ?? '', statement, signers);

function withLast({ statement, signatures }: Receipt['certificate'], signature: string): Receipt['certificate'] {
  return {
    statement,
    signatures: signatures.map((one, at) => (at === signatures.length - 1 ? { ...one, signature } : one)),
  };
}
