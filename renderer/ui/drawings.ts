/** Drawings for empty states. */
export type Drawing =
  'pcs' | 'package' | 'landing' | 'search' | 'ledger' | 'lost' | 'groups' | 'quiet'
