/** Drawings for empty places. */
export type Drawing =
  'pcs' | 'package' | 'landing' | 'search' | 'ledger' | 'lost' | 'groups' | 'quiet'
