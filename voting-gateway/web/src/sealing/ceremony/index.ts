/**
 * The key ceremony of a sealed election: t of n trustees make a key that none of them knows (docs/SPEC.md, 20.3).
 *
 * ```text
 * Ceremony.replay(record)      what everyone sees; throws a CeremonyRefusal that names event and trustee
 * Dealer.ofKey(setup, key)     a trustee: nextStep(ceremony), and finish(ceremony), its share of the key
 * ```
 */
export { Dealer, opens, readKeyFile, type ShareOfKey, writeKeyFile } from './dealer';
export {
  type CeremonyRecord,
  type CeremonySetup,
  decodeRecord,
  encodeRecord,
  type RecordEvent,
  signedMessage,
  type SignedMessage,
} from './messages';
export { CeremonyRefusal, DealerError } from './refusal';
export { Ceremony, type CeremonyOutcome, type CeremonyPhase, type TrusteeKey } from './state';
