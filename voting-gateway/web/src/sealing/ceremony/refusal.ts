/** Why a ceremony refuses, with the codes of docs/SPEC.md, 20.3. */
export type CeremonyCode =
  | 'ceremony_other'
  | 'ceremony_trustee'
  | 'ceremony_signature'
  | 'ceremony_excluded'
  | 'ceremony_phase'
  | 'ceremony_twice'
  | 'ceremony_commitment'
  | 'ceremony_coefficients'
  | 'sealed_point'
  | 'sealed_identity'
  | 'ceremony_proof'
  | 'ceremony_recipients'
  | 'ceremony_complaints'
  | 'ceremony_openings'
  | 'ceremony_share'
  | 'ceremony_transcript'
  | 'ceremony_too_few'
  | 'ceremony_unsigned'
  | 'ceremony_no_key'
  /** The setup itself: of t and n, of the keys. */
  | 'ceremony_setup';

/** Why a message was refused, a phase could not be closed, or nothing could begin. */
export class CeremonyRefusal extends Error {
  override readonly name = 'CeremonyRefusal';

  constructor(
    readonly code: CeremonyCode,
    /** Whose fault it is, where it is one trustee's. */
    readonly trustee?: number,
    /** Place in the record, from 1; 0 is the setup. */
    readonly event?: number,
  ) {
    super(trustee === undefined ? code : `${code} (trustee ${trustee})`);
  }
}

export type DealerCode = 'not_a_trustee' | 'other_ceremony' | 'wrong_time' | 'excluded' | 'wrong_share';

/** Why a trustee cannot do its part. */
export class DealerError extends Error {
  override readonly name = 'DealerError';

  constructor(
    readonly code: DealerCode,
    /** Whose share is wrong. */
    readonly dealer?: number,
  ) {
    super(dealer === undefined ? code : `${code} (dealer ${dealer})`);
  }
}
